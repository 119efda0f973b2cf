//! Completion of words that the user is typing in a shell.
//!
//! The scripts of [`script`] call the hidden command `complete` with the words up to the cursor. `shell_words` removes the shell's quotes
//! from the words, `position` finds the argument that the last word belongs to, `candidate_kind` defines which kinds of names complete each
//! argument, `candidates` collects the candidates, and `store_names` reads the names in the store.
//!
//! This replaces the dynamic engine of `clap_complete`, which is behind the feature `unstable-dynamic`: its interface may change in any
//! release, so an installation without the lock file could fail to build. It also offers every option after an empty word, and its script
//! for bash does not quote names.

mod candidate;
mod candidate_kind;
mod candidates;
mod position;
mod script;
mod shell_words;
mod store_names;

pub(super) use candidates::{Completions, complete};
pub(super) use position::positional_values;
pub(super) use script::{CompletionShell, script};
pub(super) use shell_words::TypedWords;
