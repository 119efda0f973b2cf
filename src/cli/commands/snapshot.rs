//! `snapshot`: the commit that a branch is at.

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Print the commit that the branch is at
///
/// Prints its hash. JSON: {"commit":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SnapshotArgs {
    #[command(flatten)]
    reading: ReadArgs,
}

impl SnapshotArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let at = settings.at(&self.reading)?;
        let commit = settings.open()?.snapshot(&at)?;
        match out.is_json() {
            true => out.json(&json!({ "commit": commit.to_string() })),
            false => out.line(commit),
        }
    }
}
