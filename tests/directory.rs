//! The entries of directories, and the commits that changed them.

use wasmstore::names::CommitId;
use wasmstore::store::{DirectoryEntry, EntryNode, ImportFilter, Revision};

use crate::support::store::{
    Scratch, branch, custom_section, git_with_input, module, on, path, scope,
};

fn entries(s: &Scratch, at: &str) -> Vec<DirectoryEntry> {
    let page = s
        .store
        .directory(&Revision::default(), &scope(at), (0, 100), 10);
    page.unwrap().expect("a directory").entries
}

fn last_change(entry: &DirectoryEntry) -> CommitId {
    entry.last_change.as_ref().unwrap().id
}

#[test]
fn the_last_change_of_an_entry_is_the_newest_on_the_line_of_first_parents() {
    let s = Scratch::new();
    s.put("a/x", 1);
    let y = s.put("a/y", 2);
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    let large = custom_section(0..=255);
    s.store
        .put(&on(Some("side")), &path("a/x"), large.as_slice())
        .unwrap();
    let b = s.put("b", 4);
    s.store.merge(&on(None), &branch("side")).unwrap();
    let merge = s.tip();
    let root = entries(&s, "/");
    let names: Vec<_> = root
        .iter()
        .map(|entry| (entry.name.as_str(), last_change(entry)))
        .collect();
    assert_eq!(names, [("a", merge), ("b", b)]);
    assert_eq!(root[0].node, EntryNode::Directory { entries: 2 });
    let inner = entries(&s, "a");
    assert_eq!((last_change(&inner[0]), last_change(&inner[1])), (merge, y));
    let EntryNode::Module {
        size_bytes,
        sizes,
        summary,
        ..
    } = &inner[0].node
    else {
        panic!("{inner:?}");
    };
    assert_eq!(
        (*size_bytes, sizes.as_slice()),
        (large.len() as u64, &[34, large.len() as u64][..])
    );
    assert_eq!(summary.as_ref().unwrap().requires.standard.as_str(), "1.0");
    let log = s
        .store
        .directory_log(&Revision::default(), &scope("a"), (0, 2))
        .unwrap();
    let log: Vec<_> = log.iter().map(|commit| commit.id).collect();
    assert_eq!(log, [merge, y]);
}

#[test]
fn a_part_of_a_directory_begins_anywhere() {
    let s = Scratch::new();
    for n in 0..7 {
        s.put(&format!("d/{n}"), n);
    }
    let part = |before, count| {
        let page = s
            .store
            .directory(&Revision::default(), &scope("d"), (before, count), 1);
        let page = page.unwrap().unwrap();
        let names: Vec<_> = page.entries.into_iter().map(|entry| entry.name).collect();
        (page.before, page.total, names.concat())
    };
    assert_eq!(part(0, 3), (0, 7, "012".to_owned()));
    assert_eq!(part(5, 3), (5, 7, "56".to_owned()));
    assert_eq!(part(9, 3), (7, 7, String::new()));
    for absent in ["e", "d/1", "d/1/x"] {
        let page = s
            .store
            .directory(&Revision::default(), &scope(absent), (0, 9), 1);
        assert_eq!(page.unwrap(), None, "{absent}");
    }
}

#[test]
fn entries_of_other_programs_are_left_out() {
    let s = Scratch::new();
    s.put("m", 1);
    let blob = s.git(&["rev-parse", "main:m"]);
    let blob = blob.trim();
    let listed =
        format!("120000 blob {blob}\tlink\n100644 blob {blob}\tm\n100644 blob {blob}\ta\\b\n");
    let tree = git_with_input(&s.root, &["mktree"], listed);
    let commit = s.git(&["commit-tree", "-m", "foreign", "-p", "main", tree.trim()]);
    s.git(&["update-ref", "refs/heads/main", commit.trim()]);
    let names: Vec<_> = entries(&s, "/")
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(names, ["m"]);
}

#[test]
fn last_changes_are_found_below_hundreds_of_merged_branches() {
    let s = Scratch::new();
    let files = s.root.parent().unwrap().join("files");
    std::fs::create_dir_all(files.join("d")).unwrap();
    for n in 0..250 {
        std::fs::write(files.join(format!("d/{n}")), module(n)).unwrap();
    }
    let all = ImportFilter::default();
    {
        s.store
            .import(&on(None), &files, &scope("/"), &all, |_, _| ())
    }
    .unwrap();
    // Each branch extends the lineage of the default branch, which so continues as another one.
    for n in 0..90 {
        let side = format!("side{n}");
        s.store
            .create_branch(&branch(&side), &Revision::default())
            .unwrap();
        s.put_on(Some(&side), "x", n);
        s.put("y", n);
    }
    let page = s
        .store
        .directory(&Revision::default(), &scope("d"), (0, 250), 24);
    let page = page.unwrap().unwrap();
    assert!(!page.is_cut);
    let known = page
        .entries
        .iter()
        .filter(|entry| entry.last_change.is_some());
    assert_eq!(known.count(), 250);
    let root = entries(&s, "/");
    assert_eq!(last_change(&root[1]), s.tip());
}
