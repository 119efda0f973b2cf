//! Hints for arguments in the wrong position, such as a path where the command expects a commit.

use std::path::Path;

use super::settings::Settings;
use super::shell_word::shell_word;
use crate::names::{ModuleRef, TreePath};
use crate::remote::StoreOperations;
use crate::store::Revision;

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

/// Returns the hint for `gc` if its argument `name` is not a path but a glob.
pub(super) fn glob_as_path(name: &str, settings: &Settings) -> Option<String> {
    let is_glob = settings.command_name()? == "gc" && name.contains(['*', '?', '[']);
    is_glob.then(|| "`gc` takes modules and directories, not globs: name the directory".to_owned())
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
