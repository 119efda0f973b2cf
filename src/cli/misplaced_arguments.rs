//! Hints for arguments in the wrong position, such as a path where the command expects a commit.

use std::path::Path;

use super::completion::positional_values;
use super::content_name::file_of;
use super::local_time::parse_revision;
use super::settings::Settings;
use super::shell_word::shell_word;
use crate::names::{self, ModulePath, ModuleRef, TreePath};
use crate::remote::StoreOperations;
use crate::store::Revision;

/// The commands that read a module and get a hint if their argument is a file on disk.
const READS: [&str; 3] = ["contains", "find", "hash"];

/// Returns the hint for `add` with two files if the second is not a legal path in the store. The hint has two commands: one stores both
/// files, the other stores the first file at a path with the second file's name.
pub(super) fn two_files_hint(first: &Path, second: &Path) -> String {
    let both = store_both_sentence(first, second, "");
    let first = shell_word(&first.to_string_lossy());
    let name = second.file_name().unwrap_or_default().to_string_lossy();
    let at = shell_word(&format!("/{name}"));
    format!("{both}; `wasmstore add {first} {at}` stores {first} at the path {at}")
}

/// Returns the note that `add` has used `second` as the path of `first` in the store, although `second` is also a module on disk.
pub(super) fn path_is_also_file_note(first: &Path, second: &Path, settings: &Settings) -> String {
    let both = store_both_sentence(first, second, &settings.root_flag());
    let [first, second] = [first, second].map(|path| path.to_string_lossy());
    format!("/{second} is the path of {first} in the store, not the file {second}: {both}")
}

/// Returns a sentence that gives the command for storing both files. `options` are appended to the command.
fn store_both_sentence(first: &Path, second: &Path, options: &str) -> String {
    let [first, second] = [first, second].map(|path| shell_word(&path.to_string_lossy()));
    format!(
        "`wasmstore add {first} {second} /{options}` stores both at the top, and a directory instead of `/` both there"
    )
}

/// Returns the hint for an argument `name` that must be a commit, if it is the path of a module or of a directory of modules.
pub(super) fn path_as_commit(
    store: &dyn StoreOperations,
    name: &str,
    settings: &Settings,
) -> Option<String> {
    let path = TreePath::parse(name).ok().filter(|path| !path.is_root())?;
    let tip = Revision::Branch(settings.branch().ok()?);
    let is_module =
        ModuleRef::parse(name).is_ok_and(|name| store.contains(&tip, &name).ok() == Some(true));
    if !is_module && store.list_first(&tip, &path, 1).ok()?.0.is_empty() {
        return None;
    }
    let (word, path) = (shell_word(name), path.to_string());
    Some(match settings.command_name()? {
        "restore" => format!(
            "{path} is a path; the commit comes before it: `wasmstore restore COMMIT {word}`"
        ),
        _ => format!(
            "{path} is a path, but this argument is a commit: `wasmstore log {word}` lists its commits"
        ),
    })
}

/// Returns the hint for an argument `name` that must be a commit, if it is a date or an age without the name of a branch.
pub(super) fn date_as_commit(
    store: &dyn StoreOperations,
    name: &str,
    settings: &Settings,
) -> Option<String> {
    parse_revision(&format!("@{{{name}}}")).ok()?;
    let branch = match settings.branch().ok()? {
        Some(branch) => branch,
        None => store.default_branch().ok()?,
    };
    // `--branch` and `merge` take no date, but have no branch with the form of a date either.
    Some(format!(
        "a date follows the name of a branch: {}",
        shell_word(&format!("{}@{{{name}}}", branch.as_str()))
    ))
}

/// Returns the hint for `rollback` or `log` if its argument `name` is not a path but a branch, a tag or a commit.
pub(super) fn commit_as_path(
    store: &dyn StoreOperations,
    name: &str,
    settings: &Settings,
) -> Option<String> {
    let name = name.trim_start_matches('/');
    let command = settings.command_name()?;
    if !["log", "rollback"].contains(&command) {
        return None;
    }
    let revision = Revision::parse(name).ok()?;
    store
        .snapshot(&revision.on_branch(settings.branch().ok()?))
        .ok()?;
    let word = shell_word(name);
    Some(match command {
        "log" => format!(
            "{name} is a branch, a tag or a commit, but this argument is a path: `wasmstore log --commit {word}` prints the history of the commit"
        ),
        _ => format!(
            "{name} is a commit, but `rollback` takes a path and undoes its newest change; `wasmstore restore {word}` goes back to the commit"
        ),
    })
}

/// Returns the hint for a command that reads a module of the store, if its argument `name` is a file on disk.
pub(super) fn file_as_path(name: &str, command: &str) -> Option<String> {
    let file = file_on_disk(name)?;
    let mark = match file_of(file) {
        Some(_) => "",
        None if file.starts_with('/') => "file:",
        None => "./",
    };
    let marked = shell_word(&format!("{mark}{file}"));
    match command {
        "diff" | "info" | "size" | "wit" => {
            let verb = if command == "diff" { "compare" } else { "read" };
            Some(format!(
                "{file} is a file on disk: write {marked} to {verb} the file"
            ))
        }
        command if READS.contains(&command) => Some(format!(
            "{file} is a file on disk, but `wasmstore {command}` reads the store; `wasmstore info {marked}` describes a file"
        )),
        _ => None,
    }
}

/// Returns the name of an existing file, if `name` is one. The path of a module in an error begins with a slash, also if the user has typed
/// none.
fn file_on_disk(name: &str) -> Option<&str> {
    let relative = name.trim_start_matches('/');
    let mut files = [name, relative].into_iter();
    files.find(|file| Path::new(file).is_file())
}

/// Returns whether the second of two arguments of `add` is a file and the first is none, so that they are probably swapped.
pub(super) fn is_swapped(first: &Path, second: &ModulePath) -> bool {
    !first.exists() && file_on_disk(&second.to_string()).is_some()
}

/// Returns the hint for `add` with the path in the store before the file.
pub(super) fn swapped_hint(first: &Path, second: &ModulePath) -> Option<String> {
    let second = second.to_string();
    let file = shell_word(file_on_disk(&second)?);
    let path = shell_word(first.to_str()?);
    Some(format!(
        "the file comes before the path in the store: `wasmstore add {file} {path}`"
    ))
}

/// Returns the hint for arguments that clap rejected because one of them is malformed as a name. `words` is the command that they select.
pub(super) fn for_malformed(error: &names::Error, words: &str, args: &[String]) -> Option<String> {
    match error {
        names::Error::PathSegment { .. } => {
            let is_marked = |arg: &&String| ["./", "../"].iter().any(|mark| arg.starts_with(mark));
            file_as_path(args.iter().find(is_marked)?, words)
        }
        names::Error::HashRef { .. } if words == "set" => {
            let values = positional_values(args);
            let (from, to) = (values.first()?, values.get(1)?);
            ModulePath::parse(from).ok()?;
            let (from, to) = (shell_word(from), shell_word(to));
            Some(format!(
                "`wasmstore copy {from} {to}` puts the module of one path at another"
            ))
        }
        _ => None,
    }
}
