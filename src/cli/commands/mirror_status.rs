//! `mirror status`: prints how far behind each mirror is.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::cli::exit::Result;
use crate::cli::hints::ADD_MIRROR;
use crate::cli::local_time;
use crate::cli::output::{Output, print_note};
use crate::cli::settings::Settings;
use crate::names::printable;
use crate::remote::{MirrorStatus, Mirrors, SyncState};

/// Prints the status of each mirror.
pub(super) fn print(settings: &Settings, mirrors: &Mirrors, out: &mut Output) -> Result<()> {
    let statuses = mirrors.statuses()?;
    if out.is_json() {
        return out.json(&statuses.iter().map(status_json).collect::<Vec<_>>());
    }
    if statuses.is_empty() && !settings.is_quiet() {
        print_note(&format!("the store has no mirror: {ADD_MIRROR}"));
    }
    for status in statuses {
        out.line(status_line(&status))?;
    }
    Ok(())
}

fn status_json(status: &MirrorStatus) -> Value {
    let state = match status.sync {
        SyncState::InSync => "in_sync",
        SyncState::Behind(_) => "behind",
        SyncState::Unknown(_) => "unknown",
    };
    let error = status.last_error.as_ref();
    json!({
        "name": status.mirror.name.as_str(),
        "url": status.mirror.url.to_string(),
        "state": state,
        "lag_s": status.sync.lag().as_secs_f64(),
        "last_success": status.last_success.map(unix_s),
        "failures": status.failures,
        "last_error": error.map(|(time, text)| json!({ "time": unix_s(*time), "text": text })),
    })
}

/// Returns name, state, last success and last error, separated by tabs.
fn status_line(status: &MirrorStatus) -> String {
    let state = match status.sync {
        SyncState::InSync => "in sync".to_owned(),
        SyncState::Behind(lag) => format!("behind {} s", lag.as_secs()),
        SyncState::Unknown(_) => "unknown".to_owned(),
    };
    let success = match status.last_success {
        Some(time) => format!("pushed {}", local_time::format(unix_s(time))),
        None => "never pushed".to_owned(),
    };
    let mut line = format!("{}\t{state}\t{success}", status.mirror.name);
    if let Some((_, text)) = status.last_error.as_ref().filter(|_| status.failures > 0) {
        line.push_str(&format!("\tfailed since: {}", printable(text)));
    }
    line
}

fn unix_s(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}
