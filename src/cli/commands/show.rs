//! `show`: one commit, and what it changed.

use std::ops::ControlFlow;

use super::diff::print_change;
use super::log::print_commit;
use crate::cli::args::{ReadArgs, commit_or_branch};
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::store::Revision;
use crate::wire;

/// Print a commit and what it changed
///
/// Prints its hash, author, date in local time and message, and then, sorted by path, a line for each module that it added
/// (`A` tab `/<path>` tab `<hash>`), removed (`D`, the same) or updated (`M` tab `/<path>` tab `<old hash>` tab `<new hash>`),
/// compared with its first parent. JSON: {"hash":"…","parents":["…"],"author":"…","date":<unix seconds>,"message":"…",
/// "changes":{"/a":{"action":"added","hash":"…"},"/b":{"action":"updated","hash":{"old":"…","new":"…"}},
/// "/c":{"action":"removed","hash":"…"}}}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ShowArgs {
    /// The commit, or the branch whose tip it is; by default the tip of the branch worked on
    #[arg(value_name = "COMMIT|BRANCH", conflicts_with = "commit", value_parser = commit_or_branch)]
    name: Option<Revision>,
    #[command(flatten)]
    reading: ReadArgs,
}

impl ShowArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let at = match self.name {
            Some(at) => settings.looking(at),
            None => settings.at(&self.reading)?,
        };
        let store = settings.open()?;
        let commit = store.commit(store.snapshot(&at)?)?;
        if out.is_json() {
            let mut changes = Vec::new();
            store.changes(&commit, &mut |change| {
                changes.push(change);
                ControlFlow::Continue(())
            })?;
            return out.json(&wire::CommitWithChanges::new(&commit, &changes));
        }
        print_commit(&commit, out)?;
        // What it changed is told as it is found: there may be millions.
        let mut shown = Ok(());
        store.changes(&commit, &mut |change| {
            shown = print_change(&change, out);
            match shown {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        shown
    }
}
