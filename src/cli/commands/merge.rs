//! `merge`: merges another branch.

use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::change_effect::effect;
use crate::cli::change_report::{ChangeVerb, report_effect};
use crate::cli::exit::Result;
use crate::cli::merge_conflict;
use crate::cli::output::{Output, print_hint};
use crate::cli::settings::Settings;
use crate::cli::undone_merge;
use crate::names::BranchName;
use crate::store::FastForward;

/// Merge another branch into the current branch
///
/// If the current branch has no commit that the other one lacks, it is moved forward to the same commit (a fast-forward). Each rollback
/// then undoes one of the merged commits; with --no-ff, one rollback undoes the whole merge. If both branches changed a path differently,
/// the command fails with a conflict and changes nothing. Prints nothing, and reports the commit and the numbers of changed modules on
/// standard error.
/// JSON: {"commit":"…","branch":"…","changed":true}, with the commit that the branch points to afterwards; after a fast-forward also
/// {"forwarded_from":"…"}, the previous commit of the branch: restoring it undoes the merge
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct MergeArgs {
    /// Merge this branch
    #[arg(value_parser = BranchName::parse)]
    name: BranchName,
    /// Always make a merge commit, so that one rollback undoes the merge
    #[arg(long)]
    no_ff: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl MergeArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.write)?;
        let fast_forward = if self.no_ff {
            FastForward::Never
        } else {
            FastForward::Allow
        };
        let store = settings.open_existing()?;
        let merged = store.merge(&change, &self.name, fast_forward);
        let merged = merged.map_err(|error| merge_conflict::with_branch(error, &self.name))?;
        let forwarded_from = merged.value.forwarded_from;
        let effect = effect(store.as_ref(), settings, &merged, forwarded_from);
        let Some(from) = forwarded_from else {
            let verb = (ChangeVerb::Merged, &merged);
            report_effect(settings, out, verb, json!({}), effect)?;
            if !merged.has_moved
                && !settings.is_quiet()
                && let Some(hint) = undone_merge::hint(store.as_ref(), &self.name, settings)
            {
                print_hint(&hint, settings.color());
            }
            return Ok(());
        };
        let fields = json!({ "forwarded_from": from.to_string() });
        let verb = (ChangeVerb::Forwarded(from), &merged);
        report_effect(settings, out, verb, fields, effect)
    }
}
