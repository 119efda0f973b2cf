//! Hints for names in a form that other arguments or other tools accept.

use super::settings::Settings;
use super::shell_word::shell_word;
use super::similar_names::reads_commits;
use crate::names;
use crate::remote::StoreOperations;
use crate::store::Revision;

/// The numbers of digits of an abbreviated hash: as of an abbreviated commit, and fewer than a whole hash has.
const ABBREVIATED: std::ops::Range<usize> = 4..40;

/// Returns the hint for the `name` of a module that does not exist: a glob, an abbreviated hash, or `PATH@COMMIT`.
pub(super) fn other_form(
    store: &dyn StoreOperations,
    name: &str,
    settings: &Settings,
) -> Option<String> {
    let typed = name.trim_start_matches('/');
    if ABBREVIATED.contains(&typed.len()) && typed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(
            "the hash of a module cannot be abbreviated: `wasmstore list` prints whole hashes"
                .to_owned(),
        );
    }
    at_commit(store, typed, settings).or_else(|| glob_as_path(name, settings))
}

/// Returns the hint for `PATH@COMMIT`; `None` if it has another form, or there is no such commit.
fn at_commit(store: &dyn StoreOperations, typed: &str, settings: &Settings) -> Option<String> {
    let (path, commit) = typed.rsplit_once('@')?;
    let command = settings.command_name()?;
    if !reads_commits(command, settings) {
        return None;
    }
    let revision = Revision::parse(commit).ok()?;
    let revision = revision.on_branch(settings.branch().ok()?);
    store.snapshot(&revision).ok()?;
    let (path, commit) = (shell_word(path), shell_word(commit));
    Some(format!(
        "`wasmstore {command} {path} --commit {commit}` reads from this commit"
    ))
}

/// Returns the hint for a glob where the path of one module or directory is expected.
pub(super) fn glob_as_path(path: &str, settings: &Settings) -> Option<String> {
    let glob = path.trim_start_matches('/');
    if settings.command_name() == Some("gc") && glob.contains(['*', '?', '[']) {
        return Some(
            "`gc` takes modules and directories, not globs: name the directory".to_owned(),
        );
    }
    glob.contains(['*', '?']).then(|| {
        let term = shell_word(&format!("path:{glob}"));
        format!("this argument is not a glob; `wasmstore search {term}` lists what matches one")
    })
}

/// Returns the hint for `diff A..B`.
pub(super) fn for_range(error: &names::Error, command: &str) -> Option<String> {
    let names::Error::Revision { name, .. } = error else {
        return None;
    };
    let (from, to) = name.trim_matches('"').split_once("..")?;
    let to = to.trim_start_matches('.');
    let is_pair = command == "diff" && [from, to].iter().all(|name| Revision::parse(name).is_ok());
    is_pair.then(|| {
        let (from, to) = (shell_word(from), shell_word(to));
        format!("the two commits are separate arguments: `wasmstore diff {from} {to}`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_range_of_diff_is_taken_apart() {
        let hint =
            |text: &str, command: &str| for_range(&Revision::parse(text).unwrap_err(), command);
        for text in ["main..v1", "main...v1"] {
            let expected = "the two commits are separate arguments: `wasmstore diff main v1`";
            assert_eq!(hint(text, "diff").as_deref(), Some(expected));
        }
        let steps = hint("main~1..main", "diff");
        assert!(steps.unwrap().ends_with("`wasmstore diff 'main~1' main`"));
        assert_eq!(hint("main..v1", "restore"), None);
        assert_eq!(hint("main..", "diff"), None);
        assert_eq!(hint("a b", "diff"), None);
    }
}
