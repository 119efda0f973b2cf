use std::fs;

use gix::refs::Target;

use super::*;
use crate::repo::broken_ref::BrokenRef;
use crate::repo::{ObjectFormat, Repository};

#[test]
fn only_broken_refs_are_hidden() {
    let ref_to_main = |name: &str| {
        (
            name.into(),
            Target::Symbolic("refs/heads/main".try_into().unwrap()),
        )
    };
    let broken = |name: &str| BrokenRef {
        name: name.to_owned(),
        reason: "its file is empty".to_owned(),
    };
    let list = RefList {
        refs: [
            "refs/heads/a-b",
            "refs/heads/a/b",
            "refs/heads/a/b/c/d",
            "refs/heads/b/a",
        ]
        .map(ref_to_main)
        .into(),
        broken: ["packed-refs", "refs/heads/a", "refs/heads/a/b/c"]
            .map(broken)
            .into(),
        ..RefList::default()
    };
    assert_eq!(
        hide_patterns(&list),
        [
            "refs/heads/a",
            "!refs/heads/a/b",
            "refs/heads/a/b/c",
            "!refs/heads/a/b/c/d"
        ]
    );
}

#[test]
fn a_ref_that_breaks_is_hidden_and_one_that_is_repaired_is_shown() {
    let (dir, repository) = Repository::temporary(ObjectFormat::Sha1);
    let refs = repository.refs();
    let heads = dir.path().join("refs/heads");
    let main = fs::read(heads.join("main")).unwrap();
    for _ in 0..2 {
        assert_eq!(refs.hidden_from_git().unwrap(), [""; 0]);
    }
    fs::create_dir(heads.join("dir")).unwrap();
    assert_eq!(refs.hidden_from_git().unwrap(), [""; 0]);
    fs::write(heads.join("dir/next"), "").unwrap();
    assert_eq!(refs.hidden_from_git().unwrap(), ["refs/heads/dir/next"]);
    // This write changes the metadata of no directory. It is noticed because each call reads all refs while a ref is broken.
    fs::write(heads.join("dir/next"), &main).unwrap();
    assert_eq!(refs.hidden_from_git().unwrap(), [""; 0]);
    let packed = format!("{} refs/heads/packed\n", "7".repeat(40));
    fs::write(dir.path().join("packed-refs"), packed).unwrap();
    assert_eq!(refs.hidden_from_git().unwrap(), ["refs/heads/packed"]);
}

#[test]
fn refs_are_read_once_while_none_changes() {
    let (dir, repository) = Repository::temporary(ObjectFormat::Sha1);
    let refs = repository.refs();
    assert_eq!(refs.hidden_from_git().unwrap(), [""; 0]);
    let main = dir.path().join("refs/heads/main");
    fs::write(&main, "").unwrap();
    // The file was damaged in place: a new listing notices this, but the metadata of the refs is the same.
    assert!(refs.is_broken(&"refs/heads/main".parse().unwrap()).unwrap());
    let last = refs.last_unbroken.0.lock().unwrap().take();
    let (_, stamp) = last.unwrap();
    assert!(stamp.is_current());
    // An earlier result that is too old is not used, so the damage is found.
    let old = Instant::now().checked_sub(UNBROKEN_MAX).unwrap();
    *refs.last_unbroken.0.lock().unwrap() = Some((old, stamp));
    assert_eq!(refs.hidden_from_git().unwrap(), ["refs/heads/main", "HEAD"]);
}
