use std::time::{Duration, Instant};

use gix::objs::tree::{Entry, EntryKind};
use gix::objs::{Commit, Tree};

use super::*;
use crate::repo::{ObjectFormat, Repository};

/// A time far longer than fsyncing the objects takes, even on a slow machine.
const LONG: Duration = Duration::from_secs(30);

/// Writes objects without fsync, as stock git does by default.
struct Writer(gix::Repository);

impl Writer {
    fn blob(&self, bytes: &[u8]) -> gix::ObjectId {
        self.0.write_blob(bytes).unwrap().detach()
    }

    fn tree(&self, entries: &[(&str, EntryKind, gix::ObjectId)]) -> gix::ObjectId {
        let entries = entries.iter().map(|(name, kind, oid)| Entry {
            mode: (*kind).into(),
            filename: (*name).into(),
            oid: *oid,
        });
        let tree = Tree {
            entries: entries.collect(),
        };
        self.0.write_object(&tree).unwrap().detach()
    }

    fn commit(&self, tree: gix::ObjectId, parent: Option<CommitId>) -> CommitId {
        let person = gix::actor::Signature {
            name: "Ann".into(),
            email: "ann@example.org".into(),
            time: gix::date::Time::new(1_700_000_000, 0),
        };
        let parents = parent.and_then(|parent| object_id(&self.0, parent.as_bytes()));
        let commit = Commit {
            tree,
            parents: parents.into_iter().collect(),
            author: person.clone(),
            committer: person,
            encoding: None,
            message: "m".into(),
            extra_headers: Vec::new(),
        };
        commit_id(&self.0.write_object(&commit).unwrap().detach())
    }
}

/// Returns a repository, and a writer of objects into it.
fn repository() -> (tempfile::TempDir, Repository, Writer) {
    let (dir, repository) = Repository::temporary(ObjectFormat::Sha1);
    let writer = Writer(gix::open(dir.path()).unwrap());
    (dir, repository, writer)
}

#[test]
fn trees_with_2_to_the_60_paths_are_visited_once() {
    let (_dir, repository, writer) = repository();
    let mut parent = None;
    for start in ["first", "second"] {
        let mut entry = (EntryKind::Blob, writer.blob(start.as_bytes()));
        for _ in 0..60 {
            let (kind, id) = entry;
            let tree = writer.tree(&[("a", kind, id), ("b", kind, id)]);
            entry = (EntryKind::Tree, tree);
        }
        parent = Some(writer.commit(entry.1, parent));
    }
    let start = Instant::now();
    let mut txn = repository.begin().unwrap();
    txn.sync_existing_commit(parent.unwrap()).unwrap();
    assert!(start.elapsed() < LONG);
}

/// At one path, the tree `other` replaces `one`; at another path, `one` replaces `other`. In both cases, the replaced tree has the missing
/// blob too, so neither of these two visits looks for the blob.
#[test]
fn a_blob_that_two_trees_share_is_looked_for() {
    let (_dir, repository, writer) = repository();
    let missing = gix::ObjectId::from_hex("7".repeat(40).as_bytes()).unwrap();
    let [one, other] = ["x", "y"].map(|name| {
        let own = (name, EntryKind::Blob, writer.blob(name.as_bytes()));
        writer.tree(&[("e", EntryKind::Blob, missing), own])
    });
    let at = |path, tree| (path, EntryKind::Tree, tree);
    let mut tip = None;
    for entries in [
        &[at("p", one)][..],
        &[at("p", other), at("q", other)],
        &[at("p", other), at("q", one)],
    ] {
        tip = Some(writer.commit(writer.tree(entries), tip));
    }
    let mut txn = repository.begin().unwrap();
    let synced = txn.sync_existing_commit(tip.unwrap());
    assert!(matches!(synced, Err(Error::Missing { .. })), "{synced:?}");
}
