//! The candidates for a word: commands and options, and names in the store.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Command;

use super::candidate::Candidate;
use super::candidate_kind::{CandidateKind, kinds_of};
use super::position::{Expected, Position};
use super::shell_words::TypedWords;
use super::store_names::NameSearch;

/// The maximum time to look for names in the store. When it has passed, the user sees the names that were found until then.
const TIME_LIMIT: Duration = Duration::from_secs(1);
/// The completions of a word.
#[derive(Debug, Default)]
pub(in crate::cli) struct Completions {
    /// The candidates. Each replaces the whole word that is being completed.
    pub candidates: Vec<Candidate>,
    /// Whether candidates are paths, which bash treats like file names: it quotes them, and shows only the last segment of each.
    pub are_paths: bool,
    /// Whether the shell also offers files on disk.
    pub has_files: bool,
    /// Whether the shell also offers directories on disk.
    pub has_local_directories: bool,
}

/// Returns the completions of the last word. If an error occurs, such as a malformed option or an unreachable server, the candidates that
/// depend on it are left out. Never creates a store.
pub(in crate::cli) fn complete(command_line: fn() -> Command, words: &TypedWords) -> Completions {
    let mut root = command_line();
    root.build();
    let current = words.current.as_str();
    let position = Position::find(&root, &words.before, current);
    let mut completions = Completions::default();
    match position.expected {
        Expected::Nothing => {}
        Expected::Subcommand => completions.candidates = subcommands(position.command),
        Expected::Flag => completions.candidates = flags(position.command),
        Expected::Value(arg) => {
            let possible = arg.get_possible_values();
            let possible = possible.iter().filter(|value| !value.is_hide_set());
            completions.candidates = possible
                .map(|value| Candidate::new(value.get_name(), ""))
                .collect();
            let kinds = kinds_of(&position.command_name, arg);
            complete_value(
                command_line,
                &position,
                (kinds, &current[position.value_start..]),
                &mut completions,
            );
            for candidate in &mut completions.candidates {
                candidate
                    .value
                    .insert_str(0, &current[..position.value_start]);
            }
        }
    }
    completions
        .candidates
        .retain(|found| found.is_line() && found.value.starts_with(current));
    completions
}

fn subcommands(command: &Command) -> Vec<Candidate> {
    let visible = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let about = |command: &Command| {
        command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    visible
        .map(|command| Candidate::new(command.get_name(), about(command)))
        .collect()
}

fn flags(command: &Command) -> Vec<Candidate> {
    let visible = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let flags = visible.filter_map(|arg| {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        Some(Candidate::new(format!("--{}", arg.get_long()?), help))
    });
    flags.collect()
}

/// Adds the candidates for the value of an argument, which begins with `value`. `kinds` are the kinds of names that the argument accepts.
fn complete_value(
    command_line: fn() -> Command,
    position: &Position<'_>,
    (kinds, value): (&'static [CandidateKind], &str),
    completions: &mut Completions,
) {
    completions.has_files = kinds.contains(&CandidateKind::Files)
        || kinds.contains(&CandidateKind::MarkedFiles)
            && (value.starts_with("./") || value.starts_with("../"));
    completions.has_local_directories =
        kinds.contains(&CandidateKind::LocalDirectories) && !value.starts_with('@');
    completions.are_paths =
        kinds.contains(&CandidateKind::Paths) || kinds.contains(&CandidateKind::Directories);
    let Ok(search) = NameSearch::new(command_line, position, value) else {
        return;
    };
    let (sender, receiver) = mpsc::channel();
    let deadline = Instant::now() + TIME_LIMIT;
    // The process may end while this thread still waits for a server or a disk. That is harmless, because the thread only reads.
    let started = thread::Builder::new().spawn(move || {
        // `send` fails only if the receiver was dropped because the time limit has passed. The search then stops.
        let _ = kinds
            .iter()
            .try_for_each(|kind| search.send(*kind, &sender));
    });
    if started.is_err() {
        return;
    }
    while let Some(left) = deadline.checked_duration_since(Instant::now())
        && let Ok(found) = receiver.recv_timeout(left)
    {
        completions.candidates.extend(found);
    }
}
