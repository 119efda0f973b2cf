use super::*;
use crate::repo::{ObjectFormat, Repository};

/// Does the same as [`edit`] with gix's editor.
fn edit_with_gix(
    repo: &gix::Repository,
    tree: gix::ObjectId,
    edits: &[(&BStr, Option<TreeEntry>)],
) -> gix::ObjectId {
    let root = repo.find_tree(tree).unwrap().decode().unwrap().into();
    let mut editor = gix::objs::tree::Editor::new(root, &repo.objects, repo.object_hash());
    for (path, entry) in edits {
        let components = path.split_str("/").map(ByteSlice::as_bstr);
        match entry {
            Some(entry) => editor.upsert(components, entry.mode.kind(), entry.id),
            None => editor.remove(components),
        }
        .unwrap();
    }
    let written = editor.write(|tree| gix::objs::Write::write(&repo.objects, tree));
    written.unwrap()
}

/// Returns pseudo-random numbers below `limit`.
fn numbers(mut seed: u32) -> impl FnMut(usize) -> usize {
    move |limit| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as usize % limit
    }
}

#[test]
fn random_edits_give_the_same_trees_as_the_editor_of_gix() {
    for (format, seed) in [(ObjectFormat::Sha1, 1), (ObjectFormat::Sha256, 2)] {
        let (_dir, repository) = Repository::temporary(format);
        let repo = repository.objects().handle().unwrap();
        let repo = repo.with_object_memory();
        let mut number = numbers(seed);
        // Some of these names sort differently as files and as directories.
        let names = ["a", "a-", "a.b", "a0", "b", "a b"];
        let modes = [
            EntryKind::Blob,
            EntryKind::BlobExecutable,
            EntryKind::Link,
            EntryKind::Commit,
        ];
        let blob = gix::objs::Kind::Blob;
        let blob = |byte| gix::objs::compute_hash(repo.object_hash(), blob, &[byte]).unwrap();
        let mut tree = gix::ObjectId::empty_tree(repo.object_hash());
        for round in 0..300 {
            let edits: Vec<(BString, Option<TreeEntry>)> = (0..=number(3))
                .map(|_| {
                    let depth = 1 + number(4);
                    let path: Vec<_> = (0..depth).map(|_| names[number(names.len())]).collect();
                    let mode = modes[number(modes.len())].into();
                    let id = blob(number(4) as u8);
                    let entry = (number(3) > 0).then_some(TreeEntry { mode, id });
                    (path.join("/").into(), entry)
                })
                .collect();
            let edits: Vec<_> = edits
                .iter()
                .map(|(path, to)| (path.as_bstr(), *to))
                .collect();
            let expected = edit_with_gix(&repo, tree, &edits);
            let edited = edit(&repo, &TreeReader::new(&repo), tree, &edits).unwrap();
            assert_eq!(edited.id, expected, "{round}: {edits:?}");
            assert_eq!(edited.written.last(), Some(&expected));
            tree = expected;
        }
        assert!(!tree.is_empty_tree());
    }
}

#[test]
fn names_that_git_cannot_store_are_rejected() {
    let dir = tempfile::tempdir().unwrap();
    gix::init_bare(dir.path()).unwrap();
    let repo = gix::open(dir.path()).unwrap().with_object_memory();
    let empty = gix::ObjectId::empty_tree(repo.object_hash());
    let entry = TreeEntry {
        mode: EntryKind::Blob.into(),
        id: gix::ObjectId::empty_blob(repo.object_hash()),
    };
    for path in ["", "/a", "a/", "a//b", "a\0b", "a/b\0"] {
        let edited = edit(
            &repo,
            &TreeReader::new(&repo),
            empty,
            &[(path.into(), Some(entry))],
        );
        assert!(edited.is_err(), "{path:?}");
    }
}
