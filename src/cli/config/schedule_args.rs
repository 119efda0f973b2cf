//! The flags for the scheduled maintenance of a server.

use super::combine::{Combine, combine_fields};
use super::error::ConfigError;
use super::file::FileSettings;
use super::value_impls::parse_count;
use super::value_types::Interval;
use crate::cli::exit::{Error, Result};
use crate::names::{BranchName, Cutoff};
use crate::store::{Change, History, MaintenanceSchedule, Retention};

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
    /// Also drop old versions each time, but keep the newest N of each path, as `gc --keep-last` does
    #[arg(long, value_name = "N", value_parser = parse_count)]
    gc_keep_last: Option<usize>,
    /// Also drop old versions each time, but keep those that the branch had this long ago or later: 90d; as `gc --keep-since` does
    #[arg(long, value_name = "AGE")]
    gc_keep_since: Option<Cutoff>,
    /// Also drop old versions each time, but keep those that a tagged commit has, as `gc --keep-tags` does
    #[arg(long)]
    gc_keep_tags: bool,
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
        combine_fields!(combine, self, file: gc_keep_last, gc_keep_since);
        let file_tags = file.gc_keep_tags.take();
        combine.switch("gc_keep_tags", &mut self.gc_keep_tags, file_tags);
        combine_fields!(combine, self, file: verify_every);
        Ok(())
    }

    /// Returns the schedule; `None` if there are no scheduled jobs. The branch to squash is `branch` or the default branch.
    ///
    /// # Errors
    /// A flag that drops history is given without `--gc-every`, or on a replica; `--gc-squash` and a `--gc-keep-…` are both given.
    pub fn schedule(
        &self,
        branch: Option<BranchName>,
        is_replica: bool,
    ) -> Result<Option<MaintenanceSchedule>> {
        let history = self.history(is_replica)?;
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

    /// Returns what each scheduled gc does with the history of the branch.
    fn history(&self, is_replica: bool) -> Result<History> {
        let keeps_some =
            self.gc_keep_last.is_some() || self.gc_keep_since.is_some() || self.gc_keep_tags;
        let usage = |usage| Err(Error::Usage(usage));
        if self.gc_squash && self.gc_every.is_none() {
            return usage("--gc-squash needs --gc-every");
        }
        if self.gc_squash && is_replica {
            return usage("a replica keeps the history of its primary: leave out --gc-squash");
        }
        if keeps_some && self.gc_every.is_none() {
            return usage("--gc-keep-last, --gc-keep-since and --gc-keep-tags need --gc-every");
        }
        if keeps_some && is_replica {
            return usage("a replica keeps the history of its primary: leave out --gc-keep-…");
        }
        match (self.gc_squash, keeps_some) {
            (true, true) => usage("--gc-squash drops all old versions: leave out --gc-keep-…"),
            (true, false) => Ok(History::Squash),
            (false, false) => Ok(History::Keep),
            (false, true) => Ok(History::Retain(Retention {
                last: self
                    .gc_keep_last
                    .and_then(|count| u32::try_from(count).ok()),
                since: self.gc_keep_since,
                tags: self.gc_keep_tags,
                paths: Vec::new(),
            })),
        }
    }
}
