//! Hints: what to do next after an error.

use std::io;
use std::path::Path;

use super::exit::Error;
use super::merge_conflict;
use super::misplaced_arguments::{
    commit_as_path, date_as_commit, file_as_path, path_as_commit, swapped_hint, two_files_hint,
};
use super::misplaced_names::{for_range, glob_as_path, other_form};
use super::needs_directory;
use super::path_history::earlier_history;
use super::refused_change::{for_conflict, for_refused_change};
use super::server_key::KeySource;
use super::settings::Settings;
use super::shell_word::shell_word;
use super::similar_names::{similar_branch, similar_directory, similar_path, similar_tag};
use super::url_hints::{
    for_forbidden, for_network, for_repository, for_unreachable, without_page, without_path,
};
use crate::http::TlsError;
use crate::names::{self, ModulePath, ServerUrl, printable};
use crate::remote::{self, ErrorResponse};
use crate::store::{self, ErrorKind};
use crate::wire::MissingName;

const NO_STORE: &str =
    "`wasmstore init` creates a store there; --root DIR or WASMSTORE_ROOT selects another one";

const MODULE_OR_FILE: &str =
    "a leading slash marks the path of a module, and `./`, `../` or `file:` a file on disk";

const LOST_CURSOR: &str = "a `gc` has dropped the commit: `wasmstore list` shows the current modules; delete the file to start at the branch's tip";
const BACKUP: &str = "this argument is a commit; to restore a backup, unpack it into an empty directory with `tar -xzf`, and use this directory with --root";

/// How a mirror is added.
pub(super) const ADD_MIRROR: &str = "`wasmstore mirror add NAME URL` adds one";

const LOGINS: &str = "`wasmstore login --list` lists the servers with a login";

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
        Error::BinaryToTerminal(_) => {
            Some("write it to a file with -o FILE, or redirect the output".to_owned())
        }
        Error::MergeConflict { paths, theirs, .. } => merge_conflict::hint(paths, theirs, settings),
        Error::SwappedFile { file, path, .. } => swapped_hint(file, path),
        Error::FileAsPath(first, second) => Some(two_files_hint(first, second)),
        Error::OneSide(name, _) => {
            let word = shell_word(name);
            Some(format!(
                "give both sides, such as `wasmstore diff main~1 main` or `wasmstore diff ./new.wasm PATH`; `wasmstore show {word}` prints the changes of one commit"
            ))
        }
        Error::MixedDiff(..) => Some(MODULE_OR_FILE.to_owned()),
        Error::PathAsCommand(path) => Some(format!(
            "`wasmstore watch --path {}` reports its changes only",
            shell_word(path)
        )),
        Error::Name(error) => {
            for_name(error).or_else(|| for_range(error, settings.command_name()?))
        }
        Error::NeedsDirectory(url) => needs_directory::reason(settings.command_name()?, url),
        Error::Tls(TlsError::NoKey { .. }) => {
            Some("the key comes before the certificate: --tls KEY_FILE,CERT_FILE".to_owned())
        }
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
        Error::Input { path, source } => for_input(path, source, settings.command_name()),
        Error::OutputFile { path, source } => for_output(path, source),
        Error::Store(error) => for_store_error(error, settings),
        Error::Remote(error) => for_remote_error(error, settings),
        Error::Setting { source, .. } => for_error(source, settings),
        error => for_network(error),
    }
}

/// Returns the hint for an output file that is a directory, or is in a directory that does not exist.
fn for_output(path: &Path, error: &io::Error) -> Option<String> {
    match error.kind() {
        io::ErrorKind::NotFound => {
            let directory = path.parent()?;
            Some(format!("there is no directory {directory:?}"))
        }
        io::ErrorKind::IsADirectory => {
            let file = path.join("FILE");
            let file = file.to_string_lossy();
            Some(format!(
                "name a file in the directory: {}",
                shell_word(&file)
            ))
        }
        _ => None,
    }
}

/// Returns the hint for an input that is a directory instead of a file, a file instead of a directory, or a URL.
fn for_input(path: &Path, error: &io::Error, command: Option<&str>) -> Option<String> {
    let text = path.to_str()?;
    match (error.kind(), command) {
        (io::ErrorKind::IsADirectory, Some("add")) => {
            return Some(format!(
                "`wasmstore import {}` stores every module in the directory",
                printable(text)
            ));
        }
        (io::ErrorKind::NotADirectory, Some("import")) => {
            return Some(format!(
                "`wasmstore add {}` stores a file",
                shell_word(text)
            ));
        }
        _ => {}
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
    let key = match settings.command_name() {
        Some("clone") => settings.key_for_clone(&url.git()),
        _ => settings.key_for(url),
    };
    match key {
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

fn for_remote_error(error: &remote::Error, settings: &Settings) -> Option<String> {
    use remote::Error as E;
    match error {
        E::UnknownMirror(_) => Some("`wasmstore mirror list` lists the mirrors".to_owned()),
        E::NoGit => Some("install git and try again".to_owned()),
        E::Refused(refused) => for_refused(refused, settings),
        E::InvalidResponse { url, .. } => without_page(url),
        E::GitRemote { url, reason } => for_repository(url, reason, error.is_git_authentication()),
        E::WrongScheme(url) => Some(other_scheme(url)),
        E::Unreachable { reason, .. } => for_unreachable(reason).map(str::to_owned),
        _ => None,
    }
}

/// Returns the hint for a request that a server refused.
fn for_refused(refused: &ErrorResponse, settings: &Settings) -> Option<String> {
    match &refused.missing {
        _ if refused.needs_key() => {
            // A server that requires keys refuses every request without a valid key, even for a path that it does not serve. So the URL
            // may also be wrong.
            let key = for_key(&refused.url, settings);
            let page = without_page(&refused.url);
            Some(page.map_or(key.clone(), |page| format!("{page} Otherwise, {key}")))
        }
        _ if refused.expects_tls => Some(other_scheme(&refused.url)),
        Some(missing) => for_missing(missing.clone(), settings),
        None if refused.is_unknown_endpoint() => without_path(&refused.url),
        None if refused.kind() == ErrorKind::Conflict => {
            for_conflict(&refused.detail, settings.command_name()?)
        }
        None if refused.status == 403 => for_forbidden(&refused.detail).map(str::to_owned),
        None if refused.status == 404 => without_page(&refused.url),
        None => None,
    }
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
        return for_refused_change(error, settings);
    }
    if let Ok(store) = settings.open_local()
        && store.object_format().is_none()
    {
        let root = store.root();
        return Some(format!("there is no store at {root:?} yet: {NO_STORE}"));
    }
    if let store::Error::NoDirectory(path) = error {
        return glob_as_path(path, settings).or_else(|| similar_directory(settings, path));
    }
    for_missing(MissingName::of(error)?, settings)
}

fn for_missing(missing: MissingName, settings: &Settings) -> Option<String> {
    let store = settings.open().ok()?;
    match missing {
        MissingName::Branch(branch) if is_archive(&branch) => Some(BACKUP.to_owned()),
        MissingName::Branch(branch) => {
            let path = path_as_commit(store.as_ref(), &branch, settings);
            let date = || date_as_commit(store.as_ref(), &branch, settings);
            path.or_else(date)
                .or_else(|| Some(similar_branch(store.as_ref(), &branch, settings)))
        }
        MissingName::Tag(tag) => Some(similar_tag(store.as_ref(), &tag)),
        MissingName::Directory(path) => {
            Some(format!("`wasmstore list {path}` lists what is in it"))
        }
        MissingName::Module(name) => commit_as_path(store.as_ref(), &name, settings)
            .or_else(|| file_as_path(&name, settings.command_name()?))
            .or_else(|| other_form(store.as_ref(), &name, settings))
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
