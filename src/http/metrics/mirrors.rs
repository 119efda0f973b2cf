//! How the mirrors stand, for Prometheus to fetch.
//!
//! These lines are written here and not counted by `metrics.rs`: a mirror that was removed, and an error that is over, are to
//! vanish.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::remote::MirrorStatus;

/// A metric: what it is called, what it is, what it tells, and what it has to tell of a mirror: further labels, and the value.
type Metric = (
    &'static str,
    &'static str,
    &'static str,
    fn(&MirrorStatus) -> Vec<(String, f64)>,
);

const METRICS: [Metric; 5] = [
    (
        "wasmstore_mirror_lag_seconds",
        "gauge",
        "Age of the oldest change that the mirror has not; 0 if it has all",
        |status| vec![(String::new(), status.sync.lag().as_secs_f64())],
    ),
    (
        "wasmstore_mirror_last_success_timestamp_seconds",
        "gauge",
        "When a push succeeded for the last time",
        |status| {
            let time = status.last_success.map(seconds);
            time.map(|time| (String::new(), time)).into_iter().collect()
        },
    ),
    (
        "wasmstore_mirror_failures",
        "gauge",
        "Pushes that failed since the last that succeeded",
        |status| vec![(String::new(), f64::from(status.failures))],
    ),
    (
        "wasmstore_mirror_last_error_timestamp_seconds",
        "gauge",
        "When the last of them failed, and why; nothing if none did",
        |status| {
            let error = status.last_error.as_ref().filter(|_| status.failures > 0);
            let told = error.map(|(time, text)| (label("error", text), seconds(*time)));
            told.into_iter().collect()
        },
    ),
    (
        "wasmstore_mirror_pushes_total",
        "counter",
        "Pushes by this server",
        |status| {
            let outcome = |outcome: &str, count: u64| (label("outcome", outcome), count as f64);
            vec![
                outcome("success", status.counts.succeeded),
                outcome("failure", status.counts.failed),
            ]
        },
    ),
];

/// All that is to be told of the mirrors, in Prometheus' text form; nothing where there are none.
pub(in crate::http) fn render(statuses: &[MirrorStatus]) -> String {
    let mut text = String::new();
    for (name, kind, help, values) in METRICS {
        let mut lines = String::new();
        for status in statuses {
            let mirror = label("mirror", status.mirror.name.as_str());
            for (further, value) in values(status) {
                let comma = if further.is_empty() { "" } else { "," };
                let line = writeln!(lines, "{name}{{{mirror}{comma}{further}}} {value}");
                line.expect("BUG: a string takes all");
            }
        }
        if !lines.is_empty() {
            text.push_str(&format!(
                "\n# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}"
            ));
        }
    }
    text
}

/// A label; its value may be any text.
fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', r"\\").replace('"', "\\\"");
    format!("{name}=\"{}\"", value.replace('\n', r"\n"))
}

fn seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_take_any_text() {
        assert_eq!(label("error", "a\\b \"c\"\nd"), r#"error="a\\b \"c\"\nd""#);
        assert_eq!(render(&[]), "");
    }
}
