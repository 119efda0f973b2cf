//! `commit`: prints a commit.

use crate::cli::exit::Result;
use crate::cli::local_time::parse_revision;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::store::Revision;
use crate::wire::OriginalCommitJson;

/// Print a commit
///
/// Prints indented JSON, with or without --json:
/// {"hash":"…","parents":["…"],"author":"…","date":<unix seconds>,"message":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CommitArgs {
    /// The hash of the commit, or another revision that names it
    #[arg(value_parser = parse_revision)]
    hash: Revision,
}

impl CommitArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = settings.open()?;
        let commit = store.commit_id(&self.hash.on_branch(settings.branch()?))?;
        out.json_pretty(&OriginalCommitJson::from(store.commit(commit)?))
    }
}
