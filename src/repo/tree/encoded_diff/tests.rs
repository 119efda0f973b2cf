use gix::objs::Tree;
use gix::objs::tree::{Entry, EntryKind};

use super::*;

fn tree(repo: &gix::Repository, entries: &[(&str, EntryKind, gix::ObjectId)]) -> gix::ObjectId {
    let entries = entries.iter().map(|(name, kind, oid)| Entry {
        mode: (*kind).into(),
        filename: (*name).into(),
        oid: *oid,
    });
    let tree = Tree {
        entries: entries.collect(),
    };
    repo.write_object(&tree).unwrap().detach()
}

/// The extent is that of all changes, and counts each pair of trees once.
#[test]
fn the_extent_is_that_of_the_changes() {
    use EntryKind::{Blob, Tree as Dir};
    let dir = tempfile::tempdir().unwrap();
    gix::init_bare(dir.path()).unwrap();
    let repo = gix::open(dir.path()).unwrap();
    let blob = |text: &str| repo.write_blob(text).unwrap().detach();
    let (one, two) = (blob("1"), blob("2"));
    let leaf = tree(&repo, &[("file", Blob, one), ("same", Blob, one)]);
    let changed = tree(&repo, &[("file", Blob, two), ("same", Blob, one)]);
    let old = tree(
        &repo,
        &[("a", Dir, leaf), ("b", Dir, leaf), ("c", Blob, one)],
    );
    let new = tree(
        &repo,
        &[("a", Dir, changed), ("b", Dir, changed), ("d", Dir, leaf)],
    );
    let differ = TreeDiffer::with_handle(&repo);
    for (old, new, entries) in [
        (None, new, 7),
        (Some(old), new, 7),
        (Some(new), old, 7),
        (Some(new), new, 0),
    ] {
        let (old, new) = (old.map(TreeId), TreeId(new));
        let extent = differ.extent(old, new).unwrap();
        let changes = differ.changes(old, new).unwrap();
        let below: Vec<_> = changes
            .iter()
            .filter(|change| !change.path.is_empty())
            .collect();
        let bytes: usize = below.iter().map(|change| change.path.len()).sum();
        let weight = TreeWeight {
            paths: below.len() as u64,
            path_bytes: bytes as u64,
        };
        assert_eq!(extent, DiffExtent { weight, entries });
        assert!(
            differ
                .changes_up_to(old, new, usize::MAX)
                .unwrap()
                .is_some()
        );
        let limited = differ.changes_up_to(old, new, 1).unwrap();
        assert_eq!(limited.is_none(), entries > 0);
    }
    // 2^40 paths in 40 trees.
    let mut id = leaf;
    for _ in 0..40 {
        id = tree(&repo, &[("a", Dir, id), ("b", Dir, id)]);
    }
    let extent = differ.extent(None, TreeId(id)).unwrap();
    assert_eq!(extent.entries, 82);
    assert!(extent.weight.paths > 1 << 40);
}
