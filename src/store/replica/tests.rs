use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::RemoteRefs;
use crate::config::Options;
use crate::names::{BranchName, CommitId, ModulePath, ObjectId, RefName};
use crate::repo;
use crate::store::{Change, Error, ErrorKind, ObjectFormat, Revision, Store};

/// A primary with one module on the branches `main` and `other`, and a replica that was equal to it before the module was added.
struct Pair {
    primary: Store,
    replica: Store,
    directories: [TempDir; 2],
}

fn branch(name: &str) -> BranchName {
    name.parse().unwrap()
}

fn put(store: &Store, path: &str) -> CommitId {
    let path: ModulePath = path.parse().unwrap();
    let module = &b"\0asm\x01\0\0\0"[..];
    let put = store.put(&Change::default(), &path, module).unwrap();
    put.commit.unwrap()
}

/// Copies the files of one directory of objects to another.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&to).unwrap();
            copy(&entry.path(), &to);
        } else if !to.exists() {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

impl Pair {
    fn new() -> Self {
        let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [primary, mut replica] = [0, 1].map(|n| {
            let root = directories[n].path();
            Store::open_or_create(root, Options::default(), ObjectFormat::default()).unwrap()
        });
        primary
            .create_branch(&branch("other"), &Revision::default())
            .unwrap();
        replica
            .become_replica(&"http://127.0.0.1:9".parse().unwrap())
            .unwrap();
        let pair = Self {
            primary,
            replica,
            directories,
        };
        pair.follow(&pair.refs(), || ()).unwrap();
        assert_eq!(pair.replica.refs().unwrap(), pair.primary.refs().unwrap());
        put(&pair.primary, "a");
        pair
    }

    fn refs(&self) -> RemoteRefs {
        RemoteRefs {
            refs: self.primary.refs().unwrap().into_iter().collect(),
            default: Some(self.primary.default_branch().unwrap()),
            ..RemoteRefs::default()
        }
    }

    /// Makes the replica equal to `refs`. Calls `during` while it fetches.
    fn follow(&self, refs: &RemoteRefs, during: impl Fn()) -> Result<(), Error> {
        let fetch = |_: &[ObjectId]| {
            let [from, to] = [0, 1].map(|n| self.directories[n].path().join("objects"));
            copy(&from, &to);
            during();
            Ok(())
        };
        self.replica.sync_refs(refs, fetch).map(drop)
    }

    /// Removes the mark of the replica, as `git config --unset` does.
    fn promote(&self) {
        let path = self.directories[1].path().join("config");
        let config = fs::read_to_string(&path).unwrap();
        let lines = config.lines().filter(|line| !line.contains("replicaOf"));
        let config: String = lines.map(|line| format!("{line}\n")).collect();
        fs::write(path, config).unwrap();
    }

    /// Opens the replica's store as another process does.
    fn reopened(&self) -> Store {
        Store::open(self.directories[1].path(), Options::default()).unwrap()
    }
}

#[track_caller]
fn is_promoted(followed: Result<(), Error>) {
    assert!(
        matches!(followed, Err(Error::Repo(repo::Error::NotReplica))),
        "{followed:?}"
    );
}

#[test]
fn a_replica_that_is_promoted_during_a_round_moves_no_ref() {
    let pair = Pair::new();
    let before = pair.replica.refs().unwrap();
    is_promoted(pair.follow(&pair.refs(), || pair.promote()));
    assert_eq!(pair.replica.refs().unwrap(), before);
    // The same, but a client writes to the store after the promotion. This write must not be lost.
    let pair = Pair::new();
    let during = || {
        pair.promote();
        put(&pair.reopened(), "b");
    };
    is_promoted(pair.follow(&pair.refs(), during));
    let tip = pair.reopened().snapshot(&Revision::default()).unwrap();
    assert_eq!(pair.replica.snapshot(&Revision::default()).unwrap(), tip);
    let path = "b".parse().unwrap();
    assert!(pair.replica.find(&Revision::default(), &path).is_ok());
}

#[test]
fn a_promoted_replica_keeps_its_default_branch_and_its_broken_refs() {
    let pair = Pair::new();
    pair.follow(&pair.refs(), || ()).unwrap();
    pair.promote();
    let main = pair.replica.default_branch().unwrap();
    let mut refs = pair.refs();
    refs.default = Some(branch("other"));
    is_promoted(pair.follow(&refs, || ()));
    assert_eq!(pair.replica.default_branch().unwrap(), main);
    let file = pair.directories[1].path().join("refs/heads/other");
    fs::write(&file, "?").unwrap();
    is_promoted(pair.follow(&pair.refs(), || ()));
    assert_eq!(fs::read_to_string(file).unwrap(), "?");
}

#[test]
fn an_open_store_accepts_writes_once_it_is_promoted() {
    let pair = Pair::new();
    let name = RefName::from(branch("main"));
    assert!(pair.replica.is_still_replica().unwrap());
    assert!(matches!(
        pair.replica.ensure_writable(),
        Err(Error::Replica { .. })
    ));
    pair.promote();
    let commit = put(&pair.replica, "b");
    assert_eq!(pair.replica.primary(), None);
    assert!(!pair.replica.is_still_replica().unwrap());
    let refs = pair.replica.refs().unwrap();
    let tip = refs.into_iter().find(|(found, _)| *found == name);
    assert_eq!(tip.unwrap().1.to_string(), commit.to_string());
}

#[test]
fn a_configuration_that_is_being_written_promotes_no_replica() {
    let pair = Pair::new();
    let before = pair.replica.refs().unwrap();
    let path = pair.directories[1].path().join("config");
    let config = fs::read_to_string(&path).unwrap();
    let lasting = config.find("\tallowFilter").unwrap();
    assert!(lasting < config.find("replicaOf").unwrap(), "{config}");
    let url = pair.replica.primary();
    for end in 0..=lasting {
        fs::write(&path, &config[..end]).unwrap();
        let refused = pair.replica.ensure_writable().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Busy, "{end}: {refused}");
        assert_eq!(pair.replica.primary(), url);
    }
    for end in [0, lasting] {
        fs::write(&path, &config[..end]).unwrap();
        let followed = pair.follow(&pair.refs(), || ());
        assert_eq!(followed.unwrap_err().kind(), ErrorKind::Busy, "{end}");
    }
    // The same, but the configuration becomes incomplete while the objects are fetched.
    fs::write(&path, &config).unwrap();
    let truncate = || fs::write(&path, "").unwrap();
    let followed = pair.follow(&pair.refs(), truncate);
    assert_eq!(followed.unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(pair.replica.refs().unwrap(), before);
    fs::write(&path, &config).unwrap();
    assert!(pair.replica.is_still_replica().unwrap());
    pair.follow(&pair.refs(), || ()).unwrap();
    assert_ne!(pair.replica.refs().unwrap(), before);
}

#[test]
fn another_process_opens_no_replica_whose_configuration_is_being_written() {
    let pair = Pair::new();
    let url = "http://127.0.0.1:9".parse().unwrap();
    pair.replica.record_in_sync_with(&url).unwrap();
    let root = pair.directories[1].path();
    let path = root.join("config");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, "").unwrap();
    let opened = Store::open(root, Options::default()).map(drop);
    let error = opened.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    fs::write(&path, config).unwrap();
    assert_eq!(pair.reopened().primary(), Some(url.to_string()));
}

#[test]
fn a_mark_in_an_included_file_is_a_mark() {
    let pair = Pair::new();
    pair.promote();
    let path = pair.directories[1].path().join("config");
    let config = fs::read_to_string(&path).unwrap();
    let include = format!("{config}[include]\n\tpath = replica.config\n");
    fs::write(&path, include).unwrap();
    let mark = "[wasmstore]\n\treplicaOf = http://127.0.0.1:9\n";
    fs::write(path.with_file_name("replica.config"), mark).unwrap();
    assert!(pair.replica.is_still_replica().unwrap());
    let reopened = pair.reopened();
    assert!(matches!(
        reopened.ensure_writable(),
        Err(Error::Replica { .. })
    ));
    assert_eq!(reopened.primary(), pair.replica.primary());
}
