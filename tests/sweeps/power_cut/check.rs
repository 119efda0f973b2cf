//! Checks that a store keeps its promises after a power cut.

use std::collections::HashSet;
use std::path::Path;

use wasmstore::config::Options;
use wasmstore::names::{
    BranchName, CommitId, ManifestRef, ModuleHash, ModuleRef, OciDigest, RepositoryName, TreePath,
};
use wasmstore::oci::{FoundBlob, Registry, keep_records};
use wasmstore::store::{DerivedFaults, ErrorKind, History, ObjectFormat, Revision, Store};

use super::driver::depth;
use super::promises::Promises;
use crate::support::store::{custom_section, on, path, try_git};

/// Which checks are made in addition to the usual ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thoroughness {
    /// git checks every object.
    pub by_git: bool,
    /// gc runs, and git checks again.
    pub with_gc: bool,
}

/// Checks the store at `root` as it is after a cut before operation `n`.
///
/// # Errors
/// A description of the loss or fault.
pub fn check(root: &Path, promises: &Promises, n: usize, how: Thoroughness) -> Result<(), String> {
    if n < promises.created {
        return check_creation(root);
    }
    let store = Store::open(root, Options::default()).map_err(failed("open"))?;
    let is_outside = promises.is_outside(n);
    if !is_outside {
        check_default(&store, promises, n)?;
    }
    tips(&store, promises, n, |_, _| Ok(()))?;
    // Opening for writing removes what the dead process left.
    let store = Store::open_or_create(root, Options::default(), ObjectFormat::Sha1);
    let mut store = store.map_err(failed("open for writing"))?;
    keep_records(&mut store);
    let mut seen = HashSet::new();
    let mut is_complete =
        |name: &BranchName, tip| check_content(&store, promises, name, tip, &mut seen);
    let tips = tips(&store, promises, n, &mut is_complete)?;
    if !is_outside {
        check_registry(&store, promises, n)?;
    }
    if how.by_git && !is_outside {
        fsck(root)?;
    }
    // Two writes to one branch: the first may leave something that blocks the second.
    for (round, (name, _)) in tips.iter().take(1).chain(&tips).enumerate() {
        write(&store, name, round)?;
    }
    if how.with_gc && !is_outside {
        store.gc(&on(None), History::Keep).map_err(failed("gc"))?;
        let mut seen = HashSet::new();
        for (name, tip) in &tips {
            check_content(&store, promises, name, *tip, &mut seen)?;
        }
        check_registry(&store, promises, n)?;
        fsck(root)?;
    }
    match is_outside {
        true => Ok(()),
        false => verify(&store),
    }
}

/// Fails if `verify` finds a fault.
fn verify(store: &Store) -> Result<(), String> {
    let mut found = Vec::new();
    let verified = store.verify(
        DerivedFaults::Report,
        &mut |finding| found.push(finding),
        &mut || (),
    );
    verified.map_err(failed("verify"))?;
    match found.is_empty() {
        true => Ok(()),
        false => Err(format!("verify: {found:?}")),
    }
}

/// Checks a cut before the creation was acknowledged: the store is absent or empty, and can be created.
fn check_creation(root: &Path) -> Result<(), String> {
    let store = Store::open(root, Options::default()).map_err(failed("open an absent store"))?;
    let listing = store.list(&Revision::default(), &TreePath::root());
    if !listing.map_err(failed("list an absent store"))?.is_empty() {
        return Err("a new store is not empty".to_owned());
    }
    let store = Store::open_or_create(root, Options::default(), ObjectFormat::Sha1);
    let store = store.map_err(failed("create again"))?;
    let main: BranchName = "main".parse().expect("it is a name");
    if store.branches().map_err(failed("list branches"))? != [main.clone()] {
        return Err("a new store does not have exactly one branch".to_owned());
    }
    write(&store, &main, 0)?;
    fsck(root)
}

fn check_default(store: &Store, promises: &Promises, n: usize) -> Result<(), String> {
    let default = store.default_branch().map_err(failed("read"))?;
    let allowed = promises.default.allowed(n);
    match allowed.values.contains(&&default) {
        true => Ok(()),
        false => Err(format!(
            "the default branch is {default} instead of one of {:?}",
            allowed.values
        )),
    }
}

/// Returns the branches, each at a commit that was promised or begun, for which `is_complete` succeeds.
fn tips(
    store: &Store,
    promises: &Promises,
    n: usize,
    mut is_complete: impl FnMut(&BranchName, CommitId) -> Result<(), String>,
) -> Result<Vec<(BranchName, CommitId)>, String> {
    let mut tips = Vec::new();
    for (name, line) in &promises.branches {
        let allowed = line.allowed(n);
        let found = tip(store, name).and_then(|tip| match tip {
            _ if !allowed.values.contains(&&tip) => {
                let allowed = &allowed.values;
                Err(format!("its tip is {tip:?} instead of one of {allowed:?}"))
            }
            Some(tip) => is_complete(name, tip).map(|()| Some(tip)),
            None => Ok(None),
        });
        match found {
            Ok(tip) => tips.extend(tip.map(|tip| (name.clone(), tip))),
            // The store promises nothing about what an outside writer did not fsync.
            Err(_) if allowed.is_outside => {}
            Err(error) => return Err(format!("branch {name}: {error}")),
        }
    }
    if !promises.is_outside(n) {
        let listed = store.branches().map_err(failed("list the branches"))?;
        let names: Vec<_> = tips.iter().map(|(name, _)| name.clone()).collect();
        if listed != names {
            return Err(format!("the branches are {listed:?} instead of {names:?}"));
        }
    }
    Ok(tips)
}

fn tip(store: &Store, name: &BranchName) -> Result<Option<CommitId>, String> {
    match store.has_branch(name).map_err(failed("read the ref"))? {
        true => {
            let tip = store.snapshot(&Revision::Branch(Some(name.clone())));
            tip.map(Some).map_err(failed("read the tip"))
        }
        false => Ok(None),
    }
}

/// Checks that a branch's history, paths and modules exist, except modules that were checked before.
fn check_content(
    store: &Store,
    promises: &Promises,
    name: &BranchName,
    tip: CommitId,
    seen: &mut HashSet<ModuleHash>,
) -> Result<(), String> {
    let at = &Revision::Commit(tip);
    let listed = store.list(at, &TreePath::root()).map_err(failed("list"))?;
    let expected = &promises.listings[&tip];
    if listed != *expected {
        return Err(format!(
            "{name} contains {listed:?} instead of {expected:?}"
        ));
    }
    for (path, hash) in expected {
        if !seen.insert(*hash) {
            continue;
        }
        let module = store.find(at, &ModuleRef::Path(path.clone()));
        let module = module.map_err(failed("find a module"))?;
        if module.bytes[..] != promises.modules[hash][..] {
            return Err(format!("{path} of {name} is not what was put"));
        }
    }
    let count = depth(store, at).map_err(failed("read the history"))?;
    match count == promises.depths[&tip] {
        true => Ok(()),
        false => Err(format!(
            "{name} reaches {count} commits instead of {}",
            promises.depths[&tip]
        )),
    }
}

/// Checks that OCI clients can pull what they have pushed: each manifest by its digest, with its layer, and each tag with a manifest that was
/// promised or begun. So the records and the branch agree.
fn check_registry(store: &Store, promises: &Promises, n: usize) -> Result<(), String> {
    let registry = Registry::default();
    for push in promises.pushes.iter().filter(|push| push.acknowledged <= n) {
        let reference = ManifestRef::Digest(push.digest);
        let found = registry.manifest(store, &push.repository, &reference);
        let found = found.map_err(failed("pull a digest"))?;
        let (layer, bytes) = &push.layer;
        if found.bytes[..] != push.manifest[..] || blob(store, &push.repository, layer)? != *bytes {
            let (repository, digest) = (&push.repository, push.digest);
            return Err(format!("{repository}@{digest} is not what was pushed"));
        }
    }
    for ((repository, tag), line) in &promises.tags {
        let found = registry.manifest(store, repository, &ManifestRef::Tag(tag.clone()));
        let digest = match found {
            Ok(found) => Some(found.digest),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed("pull a tag")(error)),
        };
        let allowed = line.allowed(n).values;
        if !allowed.contains(&&digest) {
            return Err(format!(
                "{repository}:{tag} is {digest:?} instead of one of {allowed:?}"
            ));
        }
    }
    Ok(())
}

fn blob(store: &Store, repository: &RepositoryName, digest: &OciDigest) -> Result<Vec<u8>, String> {
    let found = Registry::default().blob(store, repository, digest);
    match found.map_err(failed("find a blob"))? {
        FoundBlob::Stored(hash) => {
            let bytes = store.bytes(hash).map_err(failed("read a blob"))?;
            Ok(bytes.to_vec())
        }
        FoundBlob::Config(_) | FoundBlob::Uploaded(..) => Err(format!("{digest} is not stored")),
    }
}

/// Writes to a branch, and reads it back.
fn write(store: &Store, name: &BranchName, round: usize) -> Result<(), String> {
    let bytes = custom_section(name.as_str().bytes().chain([round as u8]));
    let at = path("after/the/cut");
    let put = store.put(&on(Some(name.as_str())), &at, bytes.as_slice());
    let put = put.map_err(failed("put after the cut"))?;
    let branch = Revision::Branch(Some(name.clone()));
    let found = store
        .find(&branch, &ModuleRef::Path(at))
        .map_err(failed("read what was put after the cut"))?;
    match found.bytes[..] == bytes[..] && put.has_moved {
        true => Ok(()),
        false => Err(format!("what was put to {name} after the cut is not there")),
    }
}

fn fsck(root: &Path) -> Result<(), String> {
    let (ok, output) = try_git(root, &["fsck", "--strict", "--full", "--no-progress"], "");
    let complaints = output.lines().filter(|line| !line.starts_with("dangling "));
    match ok && complaints.count() == 0 {
        true => Ok(()),
        false => Err(format!("git fsck: {output}")),
    }
}

/// Returns a function that describes a failed action and its error.
fn failed<E: std::error::Error>(what: &str) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {}", chain(&error))
}

/// Returns an error and its causes, joined by colons.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}
