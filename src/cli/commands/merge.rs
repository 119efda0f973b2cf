//! `merge`: merges another branch.

use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::change_report::{ChangeVerb, report};
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::BranchName;

/// Merge another branch into the current branch
///
/// If both branches changed a path differently, the command fails with a conflict and changes nothing. Prints nothing, and
/// reports the commit on standard error. JSON: {"commit":"…","branch":"…","changed":true}, with the commit that the branch points to afterwards
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct MergeArgs {
    /// Merge this branch
    #[arg(value_parser = BranchName::parse)]
    name: BranchName,
    #[command(flatten)]
    write: WriteArgs,
}

impl MergeArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.write)?;
        let merged = settings.open_existing()?.merge(&change, &self.name)?;
        report(settings, out, (ChangeVerb::Merged, &merged), json!({}))
    }
}
