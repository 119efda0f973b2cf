//! `commit`: prints a commit.

use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::CommitId;

/// Print a commit
///
/// Prints indented JSON, with or without --json:
/// {"hash":"…","parents":["…"],"author":"…","date":<unix seconds>,"message":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CommitArgs {
    /// The hash of the commit
    #[arg(value_parser = CommitId::parse)]
    hash: CommitId,
}

impl CommitArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        out.json_pretty(&settings.open()?.commit(self.hash)?)
    }
}
