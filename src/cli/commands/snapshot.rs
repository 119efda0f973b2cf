//! `snapshot`: prints the tip of a branch.

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Print the commit that the branch points to
///
/// Prints its hash. JSON: {"commit":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SnapshotArgs {
    #[command(flatten)]
    read: ReadArgs,
}

impl SnapshotArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let commit = settings.open()?.snapshot(&revision)?;
        out.json_or_line(&json!({ "commit": commit.to_string() }), commit)
    }
}
