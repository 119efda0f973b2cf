//! Hints: what to do next after an error.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::exit::Error;
use super::merge_conflict;
use super::misplaced_arguments::{commit_as_path, glob_as_path, path_as_commit, two_files_hint};
use super::nearest_name::nearest;
use super::needs_directory;
use super::path_history::earlier_history;
use super::server_key::KeySource;
use super::settings::Settings;
use super::shell_word::shell_word;
use super::url_hints::{for_repository, without_page};
use crate::names::{self, BranchName, ModulePath, ModuleRef, ServerUrl, TreePath, printable};
use crate::remote::{self, StoreOperations};
use crate::store::{self, ErrorKind, Revision};
use crate::wire::MissingName;

/// The maximum number of modules whose paths are compared with a mistyped path.
const MODULES_MAX: usize = 10_000;

const NO_STORE: &str =
    "`wasmstore init` creates a store there; --root DIR or WASMSTORE_ROOT selects another one";

const MODULE_OR_FILE: &str =
    "a leading slash marks the path of a module, and `./`, `../` or `file:` a file on disk";

const LOST_CURSOR: &str = "a `gc` has dropped the commit: `wasmstore list` shows the current modules; delete the file to start at the branch's tip";
const BACKUP: &str = "this argument is a commit; to restore a backup, unpack it into an empty directory with `tar -xzf`, and use this directory with --root";

/// How a mirror is added.
pub(super) const ADD_MIRROR: &str = "`wasmstore mirror add NAME URL` adds one";

const LOGINS: &str = "`wasmstore login --list` lists the servers with a login";

/// The name of the error of rustls about a server's certificate that is marked as the certificate of an authority.
const AUTHORITY: &str = "CaUsedAsEndEntity";
const NOT_AUTHORITY: &str =
    "the server has a certificate of an authority: give it one with `basicConstraints=CA:FALSE`";

/// Returns the hint for an error, if there is one.
pub(super) fn for_error(error: &Error, settings: &Settings) -> Option<String> {
    match error {
        Error::NoStore(_) => Some(NO_STORE.to_owned()),
        Error::NoStoreToVerify(_) => {
            Some("--root DIR or WASMSTORE_ROOT selects the store's directory".to_owned())
        }
        Error::NeverModule(path) => Some(format!(
            "`wasmstore log {}` prints its history",
            shell_word(path)
        )),
        Error::UnexpectedModule { hint, .. } => hint.clone(),
        Error::OnlyVersion(path) => moved(settings, path),
        Error::NoMirror => Some(ADD_MIRROR.to_owned()),
        Error::Remote(remote::Error::UnknownMirror(_)) => {
            Some("`wasmstore mirror list` lists the mirrors".to_owned())
        }
        Error::BinaryToTerminal(_) => {
            Some("write it to a file with -o FILE, or redirect the output".to_owned())
        }
        Error::MergeConflict { paths, theirs, .. } => merge_conflict::hint(paths, theirs, settings),
        Error::FileAsPath(first, second) => Some(two_files_hint(first, second)),
        Error::OneSide(name, _) => {
            let word = shell_word(name);
            Some(format!(
                "give both sides, such as `wasmstore diff main~1 main` or `wasmstore diff ./new.wasm PATH`; `wasmstore show {word}` prints the changes of one commit"
            ))
        }
        Error::MixedDiff(..) => Some(MODULE_OR_FILE.to_owned()),
        Error::Remote(remote::Error::NoGit) => Some("install git and try again".to_owned()),
        Error::Remote(remote::Error::Refused(refused)) => match &refused.missing {
            _ if refused.needs_key() => {
                // A server that requires keys refuses every request without a valid key, even for a path that it does not serve. So the URL
                // may also be wrong.
                let key = for_key(&refused.url, settings);
                let page = without_page(&refused.url);
                Some(page.map_or(key.clone(), |page| format!("{page} Otherwise, {key}")))
            }
            _ if refused.expects_tls => Some(other_scheme(&refused.url)),
            Some(missing) => for_missing(missing.clone(), settings),
            None if refused.status == 404 => without_page(&refused.url),
            None => None,
        },
        Error::Remote(remote::Error::InvalidResponse { url, .. }) => without_page(url),
        Error::Remote(remote::Error::GitRemote { url, reason }) => for_repository(url, reason),
        Error::PathAsCommand(path) => Some(format!(
            "`wasmstore watch --path {}` reports its changes only",
            shell_word(path)
        )),
        Error::Name(error) => for_name(error),
        Error::NeedsDirectory(url) => needs_directory::reason(settings.command_name()?, url),
        Error::Remote(remote::Error::Unreachable { reason, .. }) if reason.contains(AUTHORITY) => {
            Some(NOT_AUTHORITY.to_owned())
        }
        Error::Remote(remote::Error::WrongScheme(url)) => Some(other_scheme(url)),
        Error::ExposedKey(path) => Some(format!("run `chmod 600 {}`", path.display())),
        Error::LoginFile { .. } => {
            Some("correct it, or delete it and log in again: `wasmstore login URL`".to_owned())
        }
        Error::NoLogin(_) => Some(LOGINS.to_owned()),
        Error::BranchAsCommand(branch) => Some(format!(
            "`wasmstore watch --branch {branch}` watches it; to run a program of this name, write its path"
        )),
        Error::NoProgram(_) => Some(
            "the argument is a command to run for each commit; --branch NAME selects the branch"
                .to_owned(),
        ),
        Error::OptionAfterCommand(_) => {
            Some("write the options of `watch` first, or `--` before the command".to_owned())
        }
        Error::CursorFile(_) | Error::CursorBranch { .. } => {
            Some("use a separate file for each branch that you watch".to_owned())
        }
        Error::LostCursor { .. } => Some(LOST_CURSOR.to_owned()),
        Error::Input { path, source } => for_input(path, source),
        Error::OutputFile { path, source } if source.kind() == io::ErrorKind::NotFound => {
            let directory = path.parent()?;
            Some(format!("there is no directory {directory:?}"))
        }
        Error::Store(error) => for_store_error(error, settings),
        Error::Setting { source, .. } => for_error(source, settings),
        _ => None,
    }
}

/// Returns the hint for an input that is a directory or a URL instead of a file.
fn for_input(path: &Path, error: &io::Error) -> Option<String> {
    let text = path.to_str()?;
    if error.kind() == io::ErrorKind::IsADirectory {
        return Some(format!(
            "`wasmstore import {}` stores every module in the directory",
            printable(text)
        ));
    }
    let is_url = text.starts_with("http://") || text.starts_with("https://");
    is_url.then(|| {
        "download it first: `curl -fsSL URL | wasmstore add - PATH` stores what a URL serves"
            .to_owned()
    })
}

/// Returns the hint for a malformed name.
pub(super) fn for_name(error: &names::Error) -> Option<String> {
    match error {
        names::Error::HostWithoutScheme { guess, text } => Some(format!(
            "did you mean {guess}? A directory of this name is written with ./ before {text}"
        )),
        names::Error::NotBaseUrl { guess, .. } => Some(format!("did you mean {guess}?")),
        _ => None,
    }
}

fn for_key(url: &ServerUrl, settings: &Settings) -> String {
    // `login` sends the key that it is given, not one that is saved or in a variable.
    if settings.command_name() == Some("login") {
        let given = settings.key_of_flag().ok().flatten();
        let given = given.map_or(KeySource::Input, |key| key.source().clone());
        return format!("the key came from {given}; nothing was saved");
    }
    match settings.key_for(url) {
        Ok(Some(key)) => format!(
            "the key came from {}; `wasmstore login {url}` saves another one",
            key.source()
        ),
        _ => format!(
            "set WASMSTORE_KEY to a key of the server, or save one with `wasmstore login {url}`"
        ),
    }
}

fn other_scheme(url: &ServerUrl) -> String {
    format!("did you mean {}?", url.with_other_scheme())
}

fn for_store_error(error: &store::Error, settings: &Settings) -> Option<String> {
    if error.is_not_a_store() {
        let hint = "--root DIR or WASMSTORE_ROOT selects the store's directory; `wasmstore init` creates a store in an empty directory";
        return Some(hint.to_owned());
    }
    match error {
        store::Error::TagExists(_) => return Some("--force replaces it".to_owned()),
        store::Error::ModulesExist { .. } => {
            return Some("--force replaces the existing modules".to_owned());
        }
        _ => {}
    }
    if error.kind() != ErrorKind::NotFound {
        return None;
    }
    if let Ok(store) = settings.open_local()
        && store.object_format().is_none()
    {
        let root = store.root();
        return Some(format!("there is no store at {root:?} yet: {NO_STORE}"));
    }
    if let store::Error::NoDirectory(path) = error {
        return similar_directory(settings, path);
    }
    for_missing(MissingName::of(error)?, settings)
}

fn for_missing(missing: MissingName, settings: &Settings) -> Option<String> {
    let store = settings.open().ok()?;
    match missing {
        MissingName::Branch(branch) if is_archive(&branch) => Some(BACKUP.to_owned()),
        MissingName::Branch(branch) => {
            let path = path_as_commit(store.as_ref(), &branch, settings);
            path.or_else(|| Some(similar_branch(store.as_ref(), &branch)))
        }
        MissingName::Tag(tag) => Some(similar_tag(store.as_ref(), &tag)),
        MissingName::Directory(path) => {
            Some(format!("`wasmstore list {path}` lists what is in it"))
        }
        MissingName::Module(name) => commit_as_path(store.as_ref(), &name, settings)
            .or_else(|| glob_as_path(&name, settings))
            .or_else(|| similar_path(store.as_ref(), &settings.remembered_revision()?, &name)),
    }
}

/// Returns the hint for a path with only one version, if the module was moved from another path.
fn moved(settings: &Settings, path: &str) -> Option<String> {
    let path = ModulePath::parse(path).ok()?;
    let (store, revision) = (settings.open().ok()?, settings.remembered_revision()?);
    let versions = store.versions(&revision, &path).ok()?;
    earlier_history(store.as_ref(), versions.first()?.commit, &path).ok()?
}

fn is_archive(name: &str) -> bool {
    [".tar", ".tar.gz", ".tgz"]
        .iter()
        .any(|suffix| name.ends_with(suffix))
}

/// Suggests a directory with a similar path. If there is a module at the path, says so instead.
fn similar_directory(settings: &Settings, unknown: &str) -> Option<String> {
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

fn similar_branch(store: &dyn StoreOperations, unknown: &str) -> String {
    let branches = store.branches().unwrap_or_default();
    let tags = store.tags().unwrap_or_default();
    let tags: Vec<_> = tags.iter().map(|tag| tag.name.as_str()).collect();
    if tags.contains(&unknown) {
        return format!(
            "{unknown:?} is a tag, not a branch: a tag can be given wherever a commit can"
        );
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

fn similar_tag(store: &dyn StoreOperations, unknown: &str) -> String {
    let tags = store.tags().unwrap_or_default();
    let tags: Vec<_> = tags.iter().map(|tag| tag.name.as_str()).collect();
    match nearest(unknown, &tags) {
        Some(tag) => format!("did you mean {tag:?}?"),
        None => "`wasmstore tag --list` lists the tags".to_owned(),
    }
}

/// Suggests a module with a similar path, preferably in the same directory, or with the same file name.
fn similar_path(store: &dyn StoreOperations, revision: &Revision, unknown: &str) -> Option<String> {
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
