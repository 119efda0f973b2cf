//! `merge`: take over what another branch has.

use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::BranchName;

/// Merge another branch into the branch worked on
///
/// A path that both sides changed differently is a conflict, and nothing is changed. Prints nothing. JSON: {"commit":"…"}, where
/// the branch is now
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct MergeArgs {
    /// The branch to merge
    #[arg(value_parser = BranchName::parse)]
    name: BranchName,
    #[command(flatten)]
    writing: WriteArgs,
}

impl MergeArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.writing)?;
        let commit = settings.open_existing()?.merge(&change, &self.name)?;
        match out.is_json() {
            true => out.json(&json!({ "commit": commit.map(|commit| commit.to_string()) })),
            false => Ok(()),
        }
    }
}
