//! Lookups by hash or digest that first have to rebuild the index.

use std::fs;

use wasmstore::names::{Digest, HashRef, ModuleRef};
use wasmstore::store::{Change, DirectoryRemoval, ObjectFormat, Revision};

use crate::support::store::{Scratch, branch, module, path};

fn digest(n: u32) -> HashRef {
    let info = wasmstore::wasm::validate(&module(n)[..], &Default::default()).unwrap();
    HashRef::Digest(Digest::from_bytes(info.sha256))
}

/// Deletes the index.
fn delete_index(s: &mut Scratch) {
    fs::remove_file(s.root.join("wasmstore/index-v2")).unwrap();
    s.reopen();
}

/// Returns a store in which the blob of an old version of `a` is unreadable.
fn store_with_damaged_version(format: ObjectFormat) -> Scratch {
    let mut s = Scratch::with_format(format);
    for (path, n) in [("a", 1), ("b", 2), ("a", 3)] {
        s.put(path, n);
    }
    let old = s.store.versions(&Revision::default(), &path("a")).unwrap()[0].hash;
    let file = s.loose_file(&old.to_string());
    fs::remove_file(&file).unwrap();
    fs::write(&file, "damaged").unwrap();
    delete_index(&mut s);
    s
}

#[test]
fn an_unreadable_blob_hides_no_other_module() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let s = store_with_damaged_version(format);
        let revision = Revision::default();
        let hash = s
            .store
            .hash(&revision, &ModuleRef::Path(path("b")))
            .unwrap();
        let by_hash = ModuleRef::Hash(HashRef::parse(&hash.to_string()).unwrap());
        assert_eq!(s.store.hash(&revision, &by_hash).unwrap(), hash);
        assert_eq!(
            s.store
                .hash(&revision, &ModuleRef::Hash(digest(2)))
                .unwrap(),
            hash
        );
        assert!(
            !s.store
                .contains(&revision, &ModuleRef::Hash(digest(9)))
                .unwrap()
        );
        s.store
            .remove(&Change::default(), &by_hash, DirectoryRemoval::Refuse)
            .unwrap();
        assert_eq!(s.value("b"), None);
    }
}

#[test]
fn a_module_on_another_branch_can_be_set_by_digest() {
    let mut s = Scratch::new();
    s.store
        .create_branch(&branch("dev"), &Revision::default())
        .unwrap();
    s.put_on(Some("dev"), "x", 5);
    delete_index(&mut s);
    s.store
        .set(&Change::default(), &digest(5), &path("y"))
        .unwrap();
    assert_eq!(s.value("y"), Some(5));
}
