//! The index knows the digests of the manifests of all modules after a `reindex`, however many repositories there are.

use std::fmt::Write as _;

use wasmstore::names::{HashRef, ModuleHash, ModuleRef};
use wasmstore::store::Revision;

use super::pushing::Registered;
use crate::support::store::{branch, git_with_input};

/// More than the number of directories that a search for an unknown digest reads.
const REPOSITORIES: usize = 10_050;

/// Writes records of many repositories with stock git.
fn import_records(r: &Registered) {
    let mut stream = "blob\nmark :1\ndata 2\n{}\ncommit refs/oci/records\n\
        committer A <a@b.c> 0 +0000\ndata 0\n"
        .to_owned();
    for n in 0..REPOSITORIES {
        writeln!(stream, "M 100644 :1 many/r{n}/_untagged/1/x").unwrap();
    }
    git_with_input(&r.s.root, &["fast-import", "--quiet"], stream);
}

/// Returns the module for which the manifest with a digest stands.
fn module_of(r: &Registered, digest: &str) -> Option<ModuleHash> {
    let name = ModuleRef::Hash(HashRef::parse(digest).unwrap());
    let revision = Revision::default();
    let resolved = r.registry.resolve(&r.s.store, &revision, &name).unwrap();
    r.s.store.hash(&revision, &resolved).ok()
}

#[test]
fn every_module_is_found_by_the_digest_of_its_manifest() {
    // The digests are functions of the modules and their file names, so another store has the same.
    let other = Registered::new();
    let paths = [
        "many/r1/1.0.0.wasm",
        "top.wasm",
        "no/suffix",
        "Not Oci/but.wasm",
    ];
    for (n, path) in (0..).zip(paths) {
        other.s.put(&path.to_lowercase().replace(' ', "-"), n);
    }
    let digest = |repository, tag| other.pull(repository, tag).unwrap().to_string();
    let digests = [
        digest("many/r1", "1.0.0"),
        digest("top", "latest"),
        digest("no/suffix", "latest"),
        digest("not-oci", "but"),
    ];
    let r = Registered::new();
    for (n, path) in (0..).zip(paths) {
        r.s.put(path, n);
    }
    r.s.store
        .create_branch(&branch("dev"), &Revision::default())
        .unwrap();
    r.s.put_on(Some("dev"), "on/dev.wasm", 9);
    import_records(&r);
    for digest in &digests {
        assert_eq!(module_of(&r, digest), None, "not shown or served yet");
    }
    r.s.store.reindex().unwrap();
    for (n, digest) in (0..).zip(&digests) {
        let blob = crate::support::store::blob_id(&crate::support::store::module(n));
        let found = module_of(&r, digest).map(|hash| hash.to_string());
        assert_eq!(found, Some(blob), "{digest}");
    }
    // And pulled by it.
    let pulled = r
        .pull("many/r1", &digests[0])
        .map(|digest| digest.to_string());
    assert_eq!(pulled.as_ref(), Some(&digests[0]));
    assert_eq!(
        r.pull("many/r2", &digests[0]),
        None,
        "it is in another repository"
    );
}
