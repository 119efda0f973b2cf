//! What to do next after a failure.

use super::exit::Error;
use super::settings::Settings;
use crate::names::{BranchName, ModulePath, TreePath};
use crate::remote::{self, StoreOperations};
use crate::store::{self, ErrorKind, Revision};
use crate::wire::MissingName;

/// How many modules are looked at for the one that was meant.
const MODULES_MAX: usize = 10_000;
/// The longest name that is compared with others, in characters: what it costs grows with the square.
const CHARS_MAX: usize = 200;

const NO_STORE: &str =
    "`wasmstore init` creates a store there; --root DIR or WASMSTORE_ROOT names another";

const KEY: &str = "WASMSTORE_KEY holds the key for the server";

/// What helps after a failure, if anything is known to.
pub(super) fn after(error: &Error, settings: &Settings) -> Option<String> {
    match error {
        Error::NoStore(_) => Some(NO_STORE.to_owned()),
        Error::Remote(remote::Error::UnknownMirror(_)) => {
            Some("`wasmstore mirror list` lists the mirrors".to_owned())
        }
        Error::Remote(remote::Error::NoGit) => Some("install git, and try again".to_owned()),
        Error::Remote(remote::Error::Refused(refused)) => match &refused.missing {
            _ if refused.needs_key() => Some(KEY.to_owned()),
            Some(missing) => after_missing(missing.clone(), settings),
            None => None,
        },
        Error::Store(error) => after_store(error, settings),
        Error::Set { source, .. } => after(source, settings),
        _ => None,
    }
}

fn after_store(error: &store::Error, settings: &Settings) -> Option<String> {
    if error.is_not_a_store() {
        let hint = "--root DIR or WASMSTORE_ROOT names the store's folder; `wasmstore init` creates a store in an empty one";
        return Some(hint.to_owned());
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
    after_missing(MissingName::of(error)?, settings)
}

fn after_missing(missing: MissingName, settings: &Settings) -> Option<String> {
    let store = settings.open().ok()?;
    match missing {
        MissingName::Branch(branch) => Some(branch_meant(store.as_ref(), &branch)),
        MissingName::Directory(path) => {
            Some(format!("`wasmstore list {path}` lists what is in it"))
        }
        MissingName::Module(name) => path_meant(store.as_ref(), &settings.looked_at()?, &name),
    }
}

fn branch_meant(store: &dyn StoreOperations, unknown: &str) -> String {
    let branches = store.branches().unwrap_or_default();
    let branches: Vec<_> = branches.iter().map(BranchName::as_str).collect();
    match nearest(unknown, &branches) {
        Some(branch) => format!("did you mean {branch:?}?"),
        None => "`wasmstore branch --list` lists the branches".to_owned(),
    }
}

/// Looks for a module that is called alike: in the same folder first.
fn path_meant(store: &dyn StoreOperations, at: &Revision, unknown: &str) -> Option<String> {
    // What is no path is a hash, and those are not mistyped.
    let unknown = ModulePath::parse(unknown).ok()?;
    let segments: Vec<_> = unknown.segments().collect();
    let (name, folders) = segments.split_last()?;
    let folder = TreePath::parse(&folders.join("/")).ok()?;
    let in_folder = store.list_first(at, &folder, MODULES_MAX).ok()?.0;
    let anywhere = store.list_first(at, &TreePath::root(), MODULES_MAX).ok()?.0;
    let paths = in_folder.iter().chain(&anywhere);
    let paths: Vec<_> = paths.map(|(path, _)| path.as_str()).collect();
    let same_name = |path: &&&str| path.rsplit('/').next() == Some(name);
    let meant =
        nearest(unknown.as_str(), &paths).or_else(|| paths.iter().find(same_name).copied())?;
    Some(format!("did you mean /{meant}?"))
}

/// The name that is least different, if it differs in no more than a quarter of its characters, or in one.
pub(super) fn nearest<'n>(wanted: &str, names: &[&'n str]) -> Option<&'n str> {
    let length = wanted.chars().count();
    let most = (length / 4).max(1);
    let alike = names.iter().filter(|name| {
        let other = name.chars().count();
        other <= CHARS_MAX && other.abs_diff(length) <= most
    });
    let measured = alike.map(|name| (strsim::osa_distance(wanted, name), *name));
    let (distance, name) = measured.min()?;
    (distance <= most).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_no_other_is_guessed() {
        let names = ["math/add.wasm", "math/sub.wasm", "dev", "a"];
        for (wanted, nearest_one) in [
            ("math/ad.wasm", Some("math/add.wasm")),
            ("math/sbu.wasm", Some("math/sub.wasm")),
            ("dve", Some("dev")),
            ("b", Some("a")),
            ("main", None),
            ("something/else.wasm", None),
        ] {
            assert_eq!(nearest(wanted, &names), nearest_one, "{wanted}");
        }
        let long = "x".repeat(CHARS_MAX + 1);
        assert_eq!(nearest(&long, &[&long]), None);
        assert_eq!(nearest("x", &[]), None);
    }
}
