use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::repo::{ObjectFormat, Repository};

/// Returns a repository with one branch, and the directory of its branches.
fn repository() -> (TempDir, Repository, PathBuf) {
    let (dir, repository) = Repository::temporary(ObjectFormat::Sha1);
    let heads = dir.path().join("refs/heads");
    (dir, repository, heads)
}

// On Linux, reading `/proc/self/mem` from its beginning fails with EIO, even for root.
#[cfg(target_os = "linux")]
#[test]
fn a_ref_whose_file_cannot_be_read_is_not_broken() {
    let (_dir, repository, heads) = repository();
    let next = heads.join("next");
    symlink("/proc/self/mem", &next).unwrap();
    let refs = repository.refs();
    let error = refs.list("refs/").err().unwrap();
    assert!(
        chain(&error).starts_with(&format!("cannot read {next:?}: ")),
        "{error:?}"
    );
    let deleted = repository.delete_broken_refs(|_| true);
    assert!(matches!(deleted, Err(Error::Io { .. })), "{deleted:?}");
    let deleted = repository.delete_branch(&"next".parse().unwrap(), None);
    assert!(matches!(deleted, Err(Error::Io { .. })), "{deleted:?}");
    assert!(next.is_symlink());
}

#[test]
fn a_ref_whose_object_cannot_be_read_is_not_broken() {
    let (dir, repository, heads) = repository();
    let id = "7".repeat(40);
    std::fs::write(heads.join("next"), format!("{id}\n")).unwrap();
    assert_eq!(repository.refs().broken().unwrap().len(), 1);
    // The file of the object is replaced by a symbolic link to itself. Reading it fails, but that does not prove that the object is
    // missing.
    let object = dir.path().join("objects/77");
    // The directory exists already if another object has an id that begins with 77.
    std::fs::create_dir_all(&object).unwrap();
    symlink(&id[2..], object.join(&id[2..])).unwrap();
    let error = repository.refs().list("refs/").err().unwrap();
    assert!(error.io_kind().is_some(), "{error:?}");
}

#[test]
fn a_link_that_leads_to_no_file_is_broken() {
    let (_dir, repository, heads) = repository();
    for (name, to) in [
        ("gone", "none"),
        ("loop", "loop"),
        ("through", "main/x"),
        ("alias", "main"),
    ] {
        symlink(to, heads.join(name)).unwrap();
    }
    let broken = repository.refs().broken().unwrap();
    let names: Vec<_> = broken.iter().map(|broken| broken.name.as_str()).collect();
    assert_eq!(
        names,
        ["refs/heads/gone", "refs/heads/loop", "refs/heads/through"]
    );
    for name in ["gone", "loop", "through"] {
        repository
            .delete_branch(&name.parse().unwrap(), None)
            .unwrap();
        assert!(!heads.join(name).is_symlink());
    }
    assert_eq!(repository.refs().broken().unwrap(), []);
}

#[test]
fn a_symbolic_ref_to_a_broken_ref_is_broken() {
    let (_dir, repository, heads) = repository();
    std::fs::write(heads.join("next"), "7".repeat(40) + "\n").unwrap();
    for (name, to) in [
        ("b", "next"),
        ("a", "b"),
        ("good", "main"),
        ("self", "self"),
    ] {
        let content = format!("ref: refs/heads/{to}\n");
        std::fs::write(heads.join(name), content).unwrap();
    }
    let list = repository.refs().list("refs/").unwrap();
    let broken: Vec<_> = list.broken.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(broken, ["refs/heads/a", "refs/heads/b", "refs/heads/next"]);
    let refs: Vec<_> = list.refs.iter().map(|(name, _)| name.as_slice()).collect();
    assert_eq!(
        refs,
        [
            &b"refs/heads/good"[..],
            b"refs/heads/main",
            b"refs/heads/self"
        ]
    );
    repository
        .delete_branch(&"a".parse().unwrap(), None)
        .unwrap();
    assert_eq!(repository.refs().broken().unwrap().len(), 2);
}
