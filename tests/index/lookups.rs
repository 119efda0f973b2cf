//! A module by hash or digest, where the index had to be made for it.

use std::fs;

use wasmstore::names::{Digest, HashRef, ModuleRef};
use wasmstore::store::{Change, DirectoryRemoval, ObjectFormat, Revision};

use crate::support::store::{Scratch, branch, module, path};

fn digest(n: u32) -> HashRef {
    let info = wasmstore::wasm::validate(&module(n)[..], &Default::default()).unwrap();
    HashRef::Digest(Digest::from_bytes(info.sha256))
}

fn forget_index(s: &mut Scratch) {
    fs::remove_file(s.root.join("wasmstore/index")).unwrap();
    s.reopen();
}

/// Makes the content of version 1 at `a` unreadable, which has another one now.
fn damaged(format: ObjectFormat) -> Scratch {
    let mut s = Scratch::with_format(format);
    for (at, n) in [("a", 1), ("b", 2), ("a", 3)] {
        s.put(at, n);
    }
    let old = s.store.versions(&Revision::default(), &path("a")).unwrap()[0].hash;
    let file = s.loose_file(&old.to_string());
    fs::remove_file(&file).unwrap();
    fs::write(&file, "damaged").unwrap();
    forget_index(&mut s);
    s
}

#[test]
fn a_blob_that_cannot_be_read_hides_no_other() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let s = damaged(format);
        let at = Revision::default();
        let hash = s.store.hash(&at, &ModuleRef::Path(path("b"))).unwrap();
        let by_hash = ModuleRef::Hash(HashRef::parse(&hash.to_string()).unwrap());
        assert_eq!(s.store.hash(&at, &by_hash).unwrap(), hash);
        assert_eq!(
            s.store.hash(&at, &ModuleRef::Hash(digest(2))).unwrap(),
            hash
        );
        assert!(!s.store.contains(&at, &ModuleRef::Hash(digest(9))).unwrap());
        s.store
            .remove(&Change::default(), &by_hash, DirectoryRemoval::Refuse)
            .unwrap();
        assert_eq!(s.value("b"), None);
    }
}

#[test]
fn a_module_of_another_branch_is_set_by_its_digest() {
    let mut s = Scratch::new();
    s.store
        .create_branch(&branch("dev"), &Revision::default())
        .unwrap();
    s.put_on(Some("dev"), "x", 5);
    forget_index(&mut s);
    s.store
        .set(&Change::default(), &digest(5), &path("y"))
        .unwrap();
    assert_eq!(s.value("y"), Some(5));
}
