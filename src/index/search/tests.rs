use std::ops::ControlFlow;

use super::*;
use crate::index::{ChangeEntry, CommitEntry, FactsEntry, Index, ItemEntry};
use crate::names::{CommitId, ModulePath};

fn hash(n: u8) -> ModuleHash {
    ModuleHash::from_bytes(&[n; 20]).unwrap()
}

fn item(kind: ItemKind, name: &str, version: &str) -> ItemEntry {
    ItemEntry {
        kind,
        name: name.to_owned(),
        version: version.to_owned(),
        ty: String::new(),
    }
}

/// Returns an index with one commit that has the modules 1 to 3 at the paths `m1` to `m3`.
fn index(directory: &tempfile::TempDir) -> Index {
    let index = Index::new(directory.path().join("wasmstore"));
    let change = |n: u8| ChangeEntry {
        path: format!("m{n}").into_bytes(),
        module: Some(hash(n)),
        digest: None,
        is_own: true,
    };
    let commit = CommitEntry {
        id: CommitId::from_bytes(&[9; 20]).unwrap(),
        parents: vec![],
        date_s: 0,
        tree: vec![0; 20],
        changes: (1..=3).map(change).collect(),
    };
    index.reader().unwrap().append(&[commit]).unwrap();
    index
}

fn entry(size_bytes: u64, items: Vec<ItemEntry>, words: &str) -> Option<FactsEntry> {
    Some(FactsEntry {
        size_bytes,
        facts: vec![size_bytes as u8],
        items,
        words: words.to_owned(),
    })
}

fn found(reader: &Reader, modules: &ModuleSet) -> Vec<u8> {
    (1..=3)
        .filter(|n| reader.is_in(modules, hash(*n)).unwrap())
        .collect()
}

fn with_item(reader: &Reader, kind: ItemKind, prefix: &str, version: &str) -> Vec<u8> {
    let modules = reader.modules_with_item(&NameFilter {
        kind,
        ranges: &[NameRange::of_prefix(prefix)],
        accepts_name: &|name| name.len() < 12,
        accepts_version: &|found| version.is_empty() || found == version,
    });
    found(reader, &modules.unwrap())
}

#[test]
fn modules_are_found_by_item_size_and_words() {
    let directory = tempfile::tempdir().unwrap();
    let index = index(&directory);
    let mut reader = index.reader().unwrap();
    let http = |version| item(ItemKind::Import, "wasi:http", version);
    let entries = [
        (
            hash(1),
            entry(10, vec![http("0.2.0"), http("0.2.0")], "a \"quick\" fox"),
        ),
        (
            hash(2),
            entry(
                20,
                vec![http("0.3.0"), item(ItemKind::Export, "wasi:http", "")],
                "a fox, quick",
            ),
        ),
        (hash(4), entry(30, vec![http("0.2.0")], "")),
    ];
    reader.add_facts(&entries).unwrap();

    assert_eq!(with_item(&reader, ItemKind::Import, "wasi:", ""), [1, 2]);
    assert_eq!(
        with_item(&reader, ItemKind::Import, "wasi:http", "0.2.0"),
        [1]
    );
    assert_eq!(with_item(&reader, ItemKind::Export, "", ""), [2]);
    assert!(with_item(&reader, ItemKind::Import, "wasi:https", "").is_empty());
    let sized = |range| found(&reader, &reader.modules_sized(&range).unwrap());
    assert_eq!(sized(0..=u64::MAX), [1, 2]);
    assert_eq!(sized(11..=20), [2]);
    let words = |text| found(&reader, &reader.modules_with_words(text).unwrap());
    assert_eq!(words("fox"), [1, 2]);
    assert_eq!(words("QUICK fox"), [1]);
    assert_eq!(words("\"quick"), [1, 2]);
    assert!(words("fox OR quick").is_empty());
}

#[test]
fn facts_are_added_once_and_only_for_modules_of_commits() {
    let directory = tempfile::tempdir().unwrap();
    let index = index(&directory);
    let mut reader = index.reader().unwrap();
    assert_eq!(reader.modules_without_facts(2).unwrap(), [hash(1), hash(2)]);
    let entries = [
        (hash(1), entry(10, vec![], "")),
        (hash(2), None),
        (hash(4), entry(40, vec![], "")),
    ];
    reader.add_facts(&entries).unwrap();
    reader
        .add_facts(&[(hash(1), entry(11, vec![], "late"))])
        .unwrap();
    assert_eq!(reader.facts(hash(1)).unwrap(), Some(vec![10]));
    assert_eq!(reader.facts(hash(2)).unwrap(), None, "unreadable");
    let with_facts: Vec<_> = (1..=4)
        .filter(|n| reader.has_facts(hash(*n)).unwrap())
        .collect();
    assert_eq!(with_facts, [1]);
    assert_eq!(reader.facts(hash(4)).unwrap(), None, "in no commit");
    assert_eq!(reader.modules_without_facts(2).unwrap(), [hash(3)]);
    assert_eq!(reader.count_without_facts().unwrap(), 1);
    assert!(reader.modules_with_words("late").unwrap().is_empty());
    assert_eq!(
        found(&reader, &reader.modules_with_facts().unwrap()),
        [1, 2]
    );
}

#[test]
fn paths_are_visited_in_order_and_found_by_module() {
    let directory = tempfile::tempdir().unwrap();
    let index = index(&directory);
    let mut reader = index.reader().unwrap();
    reader
        .add_facts(&[(hash(2), entry(5, vec![], ""))])
        .unwrap();
    let sized = reader.modules_sized(&(5..=5)).unwrap();
    assert_eq!(reader.paths_of_set(&sized, 0).unwrap(), None);
    let paths = reader.paths_of_set(&sized, 1).unwrap().unwrap();
    assert_eq!(
        paths.iter().map(ModulePath::as_str).collect::<Vec<_>>(),
        ["m2"]
    );
    let after = "m1".parse().unwrap();
    let visited = |directory: &str, after| {
        let mut visited = Vec::new();
        let visit = |path: ModulePath| {
            visited.push(path.as_str().to_owned());
            ControlFlow::<()>::Continue(())
        };
        let directory = directory.parse().unwrap();
        reader
            .visit_paths_after(&directory, after, None, visit)
            .unwrap();
        visited
    };
    assert_eq!(visited("", None), ["m1", "m2", "m3"]);
    assert_eq!(visited("", Some(&after)), ["m2", "m3"]);
    assert!(visited("m2", None).is_empty(), "the path itself");
}
