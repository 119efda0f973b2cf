//! The flags of what a server does from time to time.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

use super::exit::{Error, Result};
use crate::names::BranchName;
use crate::store::{Change, History, MaintenanceSchedule};

/// The shortest and the longest time between two runs.
const EVERY_MIN: Duration = Duration::from_secs(1);
const EVERY_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// What is done from time to time.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Maintenance")]
pub(super) struct ScheduleArgs {
    /// How often to remove what no branch needs, as `gc --keep-history` does: 7d, 12h, 1h30m; servers of a store take turns
    #[arg(long, value_name = "DURATION", value_parser = every)]
    gc_every: Option<Duration>,
    /// Squash the branch's history then, as `gc` does
    #[arg(long)]
    gc_squash: bool,
    /// How often to check the whole store, as `verify` does; the log and /metrics tell what is wrong
    #[arg(long, value_name = "DURATION", value_parser = every)]
    verify_every: Option<Duration>,
}

impl ScheduleArgs {
    /// What is to be done how often; `None` if nothing is. What is squashed is the branch named, or the default one.
    ///
    /// # Errors
    /// History is to be dropped, but never, or where none may be.
    pub fn schedule(
        &self,
        branch: Option<BranchName>,
        is_replica: bool,
    ) -> Result<Option<MaintenanceSchedule>> {
        let history = match (self.gc_squash, self.gc_every) {
            (true, None) => {
                return Err(Error::Usage("--gc-squash needs --gc-every"));
            }
            (true, Some(_)) if is_replica => {
                let usage = "a replica keeps the history of its primary: leave out --gc-squash";
                return Err(Error::Usage(usage));
            }
            (true, Some(_)) => History::Squash,
            (false, _) => History::Keep,
        };
        let change = Change {
            branch,
            ..Change::default()
        };
        let schedule = MaintenanceSchedule {
            gc: self.gc_every.map(|every| (every, change, history)),
            verify: self.verify_every,
        };
        let is_empty = schedule.gc.is_none() && schedule.verify.is_none();
        Ok(Some(schedule).filter(|_| !is_empty))
    }
}

/// A duration as people write it.
fn every(text: &str) -> Result<Duration, String> {
    let span: Span = text
        .parse()
        .map_err(|_| "it is no duration, like 7d, 12h or 1h30m".to_owned())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let duration = duration.ok().and_then(|some| Duration::try_from(some).ok());
    match duration {
        Some(every) if (EVERY_MIN..=EVERY_MAX).contains(&every) => Ok(every),
        _ => Err("it is between a second and a year, in days or less".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, hours) in [
            ("7d", 168.0),
            ("1w", 168.0),
            ("12h", 12.0),
            ("90m", 1.5),
            ("1h30m", 1.5),
            ("1d 12h", 36.0),
            ("2 hours", 2.0),
            ("3600s", 1.0),
            ("365d", 8760.0),
        ] {
            assert_eq!(every(text), Ok(Duration::from_secs_f64(hours * 3600.0)));
        }
        for text in ["", "7", "h", "-1h", "0s", "999ms", "2y", "1 month", "400d"] {
            every(text).unwrap_err();
        }
    }
}
