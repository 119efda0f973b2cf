//! `show`: prints a commit and its changes.

use std::ops::ControlFlow;

use super::log::print_commit;
use crate::cli::args::ReadArgs;
use crate::cli::change_line::print_change;
use crate::cli::exit::Result;
use crate::cli::local_time::parse_revision;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::store::Revision;
use crate::wire;

/// Print a commit and its changes
///
/// Prints hash, author, date in local time and message, and then one line for each path that differs from the first parent, sorted:
/// `A` tab `/<path>` tab `<hash>` for an added module, `D` with the same columns for a removed module, and
/// `M` tab `/<path>` tab `<old hash>` tab `<new hash>` for an updated module.
/// JSON: {"commit":"…","hash":"…","parents":["…"],"author":"…","date":<unix seconds>,"message":"…",
/// "changes":{"/a":{"action":"added","hash":"…"},"/b":{"action":"updated","hash":{"old":"…","new":"…"}},
/// "/c":{"action":"removed","hash":"…"}}}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ShowArgs {
    /// Show this commit, or the tip of this branch [default: the tip of the current branch]
    #[arg(value_name = "COMMIT|BRANCH", conflicts_with = "commit", value_parser = parse_revision)]
    name: Option<Revision>,
    #[command(flatten)]
    read: ReadArgs,
}

impl ShowArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = match self.name {
            Some(revision) => settings.remember(revision.on_branch(settings.branch()?)),
            None => settings.revision(&self.read)?,
        };
        let store = settings.open()?;
        let commit = store.commit(store.snapshot(&revision)?)?;
        if out.is_json() {
            let mut changes = Vec::new();
            store.changes(&commit, &mut |change| {
                changes.push(change);
                ControlFlow::Continue(())
            })?;
            return out.json(&wire::CommitWithChanges::new(&commit, &changes));
        }
        print_commit(&commit, out)?;
        // Changes are printed while they are found, because there may be millions.
        let mut result = Ok(());
        store.changes(&commit, &mut |change| {
            result = print_change(&change, out);
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        result
    }
}
