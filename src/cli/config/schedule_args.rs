//! The flags for the scheduled maintenance of a server.

use super::combine::{Combine, combine_fields};
use super::error::ConfigError;
use super::file::FileSettings;
use super::value_types::Interval;
use crate::cli::exit::{Error, Result};
use crate::names::BranchName;
use crate::store::{Change, History, MaintenanceSchedule};

/// The maintenance jobs that a server runs periodically.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Maintenance")]
pub(in crate::cli) struct ScheduleArgs {
    /// Delete unreachable objects this often, as `gc --keep-history` does: 7d, 12h, 1h30m; servers of one store take turns
    #[arg(long, value_name = "DURATION")]
    gc_every: Option<Interval>,
    /// Also squash the branch's history each time that --gc-every deletes objects, as `gc` does
    #[arg(long)]
    gc_squash: bool,
    /// Check the whole store this often, as `verify` does; the log and /metrics report what is wrong
    #[arg(long, value_name = "DURATION")]
    verify_every: Option<Interval>,
}

impl ScheduleArgs {
    pub(super) fn combine(
        &mut self,
        combine: &mut Combine<'_>,
        file: &mut FileSettings,
    ) -> Result<(), ConfigError> {
        combine_fields!(combine, self, file: gc_every);
        combine.switch("gc_squash", &mut self.gc_squash, file.gc_squash.take());
        combine_fields!(combine, self, file: verify_every);
        Ok(())
    }

    /// Returns the schedule; `None` if there are no scheduled jobs. The branch to squash is `branch` or the default branch.
    ///
    /// # Errors
    /// `--gc-squash` without `--gc-every`, or on a replica.
    pub fn schedule(
        &self,
        branch: Option<BranchName>,
        is_replica: bool,
    ) -> Result<Option<MaintenanceSchedule>> {
        if self.gc_squash && self.gc_every.is_none() {
            return Err(Error::Usage("--gc-squash needs --gc-every"));
        }
        if self.gc_squash && is_replica {
            let usage = "a replica keeps the history of its primary: leave out --gc-squash";
            return Err(Error::Usage(usage));
        }
        let history = if self.gc_squash {
            History::Squash
        } else {
            History::Keep
        };
        let change = Change {
            branch,
            ..Change::default()
        };
        let gc = self.gc_every.as_ref();
        let schedule = MaintenanceSchedule {
            gc: gc.map(|interval| (interval.duration, change, history)),
            verify: self.verify_every.as_ref().map(|every| every.duration),
        };
        let is_empty = schedule.gc.is_none() && schedule.verify.is_none();
        Ok(Some(schedule).filter(|_| !is_empty))
    }
}
