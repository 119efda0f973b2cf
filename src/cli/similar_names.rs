//! Suggests an existing name in place of one that does not exist.

use std::collections::BTreeSet;

use super::settings::Settings;
use super::shell_word::shell_word;
use crate::names::{BranchName, ModulePath, ModuleRef, TreePath, nearest};
use crate::remote::StoreOperations;
use crate::store::Revision;

/// The maximum number of modules whose paths are compared with a mistyped path.
const MODULES_MAX: usize = 10_000;

/// Suggests a directory with a similar path. If there is a module at the path, says so instead.
pub(super) fn similar_directory(settings: &Settings, unknown: &str) -> Option<String> {
    let (store, revision) = (settings.open().ok()?, settings.remembered_revision()?);
    let unknown = ModulePath::parse(unknown).ok()?;
    let name = ModuleRef::Path(unknown.clone());
    if store.contains(&revision, &name).ok()? {
        return Some(format!(
            "there is a module at {unknown}: `wasmstore info {unknown}` describes it"
        ));
    }
    let modules = store.list_first(&revision, &TreePath::root(), MODULES_MAX);
    let modules = modules.ok()?.0;
    let directories: BTreeSet<_> = modules
        .iter()
        .flat_map(|(path, _)| {
            let path = path.as_str();
            path.match_indices('/').map(|(end, _)| &path[..end])
        })
        .collect();
    let directories: Vec<_> = directories.into_iter().collect();
    match nearest(unknown.as_str(), &directories) {
        Some(directory) => Some(format!("did you mean /{directory}?")),
        None => Some("`wasmstore list` lists all modules".to_owned()),
    }
}

/// Suggests a branch or tag with a similar name. If there is a tag with the name, says what to do instead.
pub(super) fn similar_branch(
    store: &dyn StoreOperations,
    unknown: &str,
    settings: &Settings,
) -> String {
    let branches = store.branches().unwrap_or_default();
    let tags = store.tags().unwrap_or_default();
    let tags: Vec<_> = tags.iter().map(|tag| tag.name.as_str()).collect();
    if tags.contains(&unknown) {
        return tag_as_branch(unknown, settings);
    }
    let names: Vec<_> = branches
        .iter()
        .map(BranchName::as_str)
        .chain(tags)
        .collect();
    match nearest(unknown, &names) {
        Some(name) => format!("did you mean {name:?}?"),
        None if names.len() > branches.len() => {
            "`wasmstore branch --list` and `wasmstore tag --list` list the names".to_owned()
        }
        None => "`wasmstore branch --list` lists the branches".to_owned(),
    }
}

/// Returns the hint for a tag where a branch is expected: how to do with a tag what the command does with a branch.
fn tag_as_branch(tag: &str, settings: &Settings) -> String {
    let word = shell_word(tag);
    let selected = settings.branch().ok().flatten();
    let is_option = selected.is_some_and(|branch| branch.as_str() == tag);
    let instead = match settings.command_name() {
        Some("branch") if !is_option => format!("`wasmstore tag {word} --delete` deletes the tag"),
        Some("merge") if !is_option => {
            format!("create a branch with `wasmstore branch NAME --from {word}`, and merge it")
        }
        Some(command) if reads_commits(command, settings) => {
            format!("`--commit {word}` reads it")
        }
        _ => format!("`wasmstore branch NAME --from {word}` creates a branch from it"),
    };
    format!("{tag:?} is a tag, not a branch: {instead}")
}

/// Returns whether a command has the option `--commit`.
pub(super) fn reads_commits(command: &str, settings: &Settings) -> bool {
    let root = settings.command_line();
    let options = root.find_subcommand(command).into_iter();
    let mut options = options.flat_map(clap::Command::get_opts);
    options.any(|option| option.get_long() == Some("commit"))
}

/// Suggests a tag with a similar name.
pub(super) fn similar_tag(store: &dyn StoreOperations, unknown: &str) -> String {
    let tags = store.tags().unwrap_or_default();
    let tags: Vec<_> = tags.iter().map(|tag| tag.name.as_str()).collect();
    match nearest(unknown, &tags) {
        Some(tag) => format!("did you mean {tag:?}?"),
        None => "`wasmstore tag --list` lists the tags".to_owned(),
    }
}

/// Suggests a module with a similar path, preferably in the same directory, or with the same file name.
pub(super) fn similar_path(
    store: &dyn StoreOperations,
    revision: &Revision,
    unknown: &str,
) -> Option<String> {
    // A name that is not a path is a hash. A hash is copied, not typed, so no similar hash is suggested.
    let unknown = ModulePath::parse(unknown).ok()?;
    let segments: Vec<_> = unknown.segments().collect();
    let (name, directories) = segments.split_last()?;
    let directory = TreePath::parse(&directories.join("/")).ok()?;
    let in_directory = store.list_first(revision, &directory, MODULES_MAX).ok()?.0;
    let anywhere = store
        .list_first(revision, &TreePath::root(), MODULES_MAX)
        .ok()?
        .0;
    let paths = in_directory.iter().chain(&anywhere);
    let paths: Vec<_> = paths.map(|(path, _)| path.as_str()).collect();
    let same_name = |path: &&&str| path.rsplit('/').next() == Some(name);
    let similar =
        nearest(unknown.as_str(), &paths).or_else(|| paths.iter().find(same_name).copied())?;
    Some(format!("did you mean /{similar}?"))
}
