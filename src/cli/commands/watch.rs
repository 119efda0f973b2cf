//! `watch`: follows a branch.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::ValueHint;

use crate::cli::exit::{Error, Result};
use crate::cli::local_time::parse_revision;
use crate::cli::output::{Output, print_note};
use crate::cli::settings::Settings;
use crate::cli::watch_command::{OnFailure, WatchCommand};
use crate::cli::watch_cursor::WatchCursor;
use crate::names::{BranchName, CommitId, Glob};
use crate::remote::StoreOperations;
use crate::store::{EventFilter, Revision};
use crate::wire::{BranchEvent, Changes};

/// Print the changes of each new commit, or run a command for it
///
/// Prints one line per commit: {"/a":{"action":"added","hash":"…"},"/b":{"action":"updated","hash":{"old":"…","new":"…"}},
/// "/c":{"action":"removed","hash":"…"}}
///
/// COMMAND gets the line on its standard input, and WASMSTORE_WATCH_COMMIT and WASMSTORE_WATCH_BRANCH in its environment. A command that
/// fails is reported on standard error. With --since-file, it is run again, after a delay that doubles up to one minute, until it
/// succeeds; only then is the commit written to the file. Each commit is thus handled at least once, in order, even if `watch` is killed.
///
/// JSON: {"commit":"…","branch":"…","parents":["…"],"author":"…","date":<unix seconds>,"message":"…","reset":true|false,
/// "changes":{…}} with the object above as changes. If reset is true, the branch was reset or squashed, and the changes are the
/// difference to the previous event
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct WatchArgs {
    /// Start after this commit instead of at the branch's tip
    #[arg(long, value_name = "COMMIT", value_parser = parse_revision)]
    since: Option<Revision>,
    /// Start after the commit in this file, and write each handled commit to the file; if the file does not exist, start after --since or
    /// at the branch's tip
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    since_file: Option<PathBuf>,
    /// Report only changes of modules that match one of these patterns, as in gitignore(5); can be repeated
    #[arg(long = "path", value_name = "GLOB", value_parser = Glob::parse)]
    paths: Vec<Glob>,
    /// Run this command for each commit, with the line on its standard input, instead of printing the line; options after it are its own
    #[arg(trailing_var_arg = true)]
    command: Vec<String>,
}

impl WatchArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let mut branch = settings.branch()?;
        let store = settings.open()?;
        let watched = branch.as_ref();
        let command =
            WatchCommand::parse(&self.command, store.as_ref(), watched, settings.color())?;
        // The words of the command are the last arguments.
        let before_command = std::env::args_os().rev().nth(self.command.len());
        let is_delimited = before_command.is_some_and(|arg| arg == "--");
        if let Some(command) = &command
            && let Some(note) = command.note(is_delimited)?
            && !settings.is_quiet()
        {
            print_note(&note);
        }
        let (cursor, since) = match &self.since_file {
            Some(file) => {
                let watched = branch.map_or_else(|| store.default_branch(), Ok)?;
                branch = Some(watched.clone());
                let start = || self.start(store.as_ref(), &watched);
                let (cursor, since) = WatchCursor::open(file.clone(), watched.clone(), start)?;
                (Some(cursor), Some(since))
            }
            None => (None, self.since(store.as_ref(), branch.as_ref())?),
        };
        let mut result = Ok(());
        let filter = EventFilter::new(self.paths.clone());
        let watched = store.watch(branch.as_ref(), since, &filter, &mut |event| {
            result = self.handle(event, command.as_ref(), cursor.as_ref(), out);
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        match (watched.map_err(Error::from), &cursor) {
            (Err(error), Some(cursor)) if error.is_missing_commit() => Err(cursor.lost(error)),
            (watched, _) => watched.and(result),
        }
    }

    /// Returns the commit that `--since` names.
    fn since(
        &self,
        store: &dyn StoreOperations,
        branch: Option<&BranchName>,
    ) -> Result<Option<CommitId>> {
        let since = self.since.clone();
        let since = since.map(|since| since.on_branch(branch.cloned()));
        Ok(since.map(|since| store.commit_id(&since)).transpose()?)
    }

    /// Returns the commit to write to a new cursor file: the commit of `--since`, or the branch's tip. `watch` reports the commits after
    /// this one.
    ///
    /// # Errors
    /// The branch or commit does not exist; the branch has no commit yet, and a cursor file must contain a commit.
    fn start(&self, store: &dyn StoreOperations, branch: &BranchName) -> Result<CommitId> {
        match self.since(store, Some(branch))? {
            Some(since) => Ok(since),
            None => Ok(store.snapshot(&Revision::Branch(Some(branch.clone())))?),
        }
    }

    fn handle(
        &self,
        event: BranchEvent,
        command: Option<&WatchCommand<'_>>,
        cursor: Option<&WatchCursor>,
        out: &mut Output,
    ) -> Result<()> {
        if !self.paths.is_empty() && event.changes.is_empty() {
            return cursor.map_or(Ok(()), |cursor| cursor.advance(event.commit));
        }
        let line = if out.is_json() {
            serde_json::to_string(&event)
        } else {
            serde_json::to_string(&Changes(&event.changes))
        };
        let line = line.expect("BUG: plain data is JSON");
        match command {
            Some(command) if cursor.is_some() => command.run(&event, &line, OnFailure::Retry),
            Some(command) => command.run(&event, &line, OnFailure::Continue),
            None => {
                out.encoded_json(&line)?;
                out.line("")?;
                out.flush()?;
            }
        }
        cursor.map_or(Ok(()), |cursor| cursor.advance(event.commit))
    }
}
