//! Logs of a path that list what changed in its module, compared with a walk over everything.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use proptest::prelude::*;
use wasmstore::names::CommitId;
use wasmstore::store::{
    ChangeFilter, DirectoryRemoval, Growth, ItemKind, ItemPattern, ItemState, MatchedCommit,
    Revision,
};

use crate::search::{module_with_items, put, run, step};
use crate::support::store::{Scratch, blob_id, branch, git_with_input, on, path};

fn filter(import: Option<&str>, export: Option<&str>, grew: Option<&str>) -> ChangeFilter {
    let pattern = |text: &str| ItemPattern::parse(text).unwrap();
    ChangeFilter {
        import: import.map(pattern),
        export: export.map(pattern),
        grew: grew.map(|text| text.parse().unwrap()),
    }
}

/// Returns what a log of main lists, read in steps of `count` commits.
fn log(s: &Scratch, at: &str, filter: &ChangeFilter, count: usize) -> Vec<MatchedCommit> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let (mut seen, mut last) = (0, None);
        let visit = |id, matched: Option<MatchedCommit>| {
            if seen == count {
                return ControlFlow::Break(());
            }
            seen += 1;
            last = Some(id);
            found.extend(matched);
            ControlFlow::Continue(())
        };
        let walked = s
            .store
            .log_path_after(&Revision::default(), &path(at), filter, after, visit);
        walked.unwrap();
        if seen < count {
            return found;
        }
        after = last;
    }
}

/// The items of a module that `module_with_items` makes, by kind and name.
type Items = BTreeMap<(ItemKind, String), ItemState>;

fn items(n: u32) -> Items {
    let item = |kind, name: String, version: String, ty: &str| {
        let ty = ty.to_owned();
        ((kind, name), ItemState { version, ty })
    };
    let version = format!("0.{}.{n}", n % 3);
    let value = if n.is_multiple_of(3) { "i64" } else { "i32" };
    Items::from([
        item(
            ItemKind::Import,
            format!("env.g{}", n % 2),
            String::new(),
            "(global i32)",
        ),
        item(
            ItemKind::Import,
            "test:pkg/types.t".to_owned(),
            version,
            "(func)",
        ),
        item(
            ItemKind::Export,
            format!("f{}", n % 4),
            String::new(),
            "(func)",
        ),
        item(
            ItemKind::Export,
            "value".to_owned(),
            String::new(),
            &format!("(global {value})"),
        ),
    ])
}

/// The commits of main with their parents.
type Commits = Vec<(String, Vec<String>)>;

fn commits(s: &Scratch) -> Commits {
    let listed = s.git(&["rev-list", "--parents", "main"]);
    let lines = listed
        .lines()
        .map(|line| line.split(' ').map(str::to_owned));
    lines
        .map(|mut ids| (ids.next().unwrap(), ids.collect()))
        .collect()
}

/// The module at a path in each commit.
fn modules_at(s: &Scratch, commits: &Commits, at: &str) -> BTreeMap<String, Option<u32>> {
    let module = |commit: &str| {
        let listed = s.git(&["ls-tree", "--format=%(objectname)", commit, "--", at]);
        (0..6).find(|n| blob_id(&module_with_items(*n)) == listed.trim())
    };
    commits
        .iter()
        .map(|(id, _)| (id.clone(), module(id)))
        .collect()
}

/// A change of an item: kind and name, and what it was and is.
type ItemChange = ((ItemKind, String), Option<ItemState>, Option<ItemState>);

/// What a log lists, found by comparing every commit with its parents.
fn walk(
    commits: &Commits,
    modules: &BTreeMap<String, Option<u32>>,
    filter: &ChangeFilter,
) -> BTreeMap<CommitId, (Vec<ItemChange>, bool)> {
    let selects = |kind, name: &str, version: &str| {
        // The patterns of the test: a package with its minor version, a prefix, or a name.
        let pattern = match kind {
            ItemKind::Import => filter.import.as_ref(),
            _ => filter.export.as_ref(),
        };
        let pattern = pattern.map(ToString::to_string);
        pattern.is_some_and(|pattern| match pattern.split_once('@') {
            Some((name_start, minor)) => {
                name.starts_with(name_start) && version.starts_with(&format!("{minor}."))
            }
            None => name.starts_with(pattern.trim_end_matches('*')),
        })
    };
    let selected = |module: Option<u32>| -> Items {
        let items = module.map(items).unwrap_or_default().into_iter();
        items
            .filter(|((kind, name), state)| selects(*kind, name, &state.version))
            .collect()
    };
    let size = |module: u32| module_with_items(module).len() as u64;
    let mut expected = BTreeMap::new();
    for (commit, parents) in commits {
        let now = modules[commit];
        let mut parents: Vec<_> = parents.iter().map(|id| modules[id]).collect();
        if parents.is_empty() {
            parents.push(None);
        }
        let states = selected(now);
        let before: Vec<Items> = parents.iter().map(|parent| selected(*parent)).collect();
        let keys: BTreeSet<_> = before
            .iter()
            .chain([&states])
            .flat_map(Items::keys)
            .collect();
        let changed = keys
            .into_iter()
            .filter(|key| before.iter().all(|items| items.get(key) != states.get(key)));
        let changed: Vec<ItemChange> = changed
            .map(|key| {
                (
                    key.clone(),
                    before[0].get(key).cloned(),
                    states.get(key).cloned(),
                )
            })
            .collect();
        let old = parents.iter().flatten().map(|parent| size(*parent)).max();
        // The test asks for a growth of 2%.
        let grew = filter.grew.is_some()
            && now
                .zip(old)
                .is_some_and(|(now, old)| size(now) > old && (size(now) - old) * 50 >= old);
        if !changed.is_empty() || grew {
            expected.insert(commit.parse().unwrap(), (changed, grew));
        }
    }
    expected
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_log_of_changes_agrees_with_a_walk(steps in proptest::collection::vec(step(), 1..24), count in 1..9_usize) {
        let s = Scratch::new();
        run(&s, &steps);
        let commits = commits(&s);
        for at in ["d0/p0", "d1/p1"] {
            let modules = modules_at(&s, &commits, at);
            for filter in [
                filter(Some("env"), None, None),
                filter(Some("test:pkg@0.1"), None, None),
                filter(Some("test:pkg"), Some("f1"), None),
                filter(None, Some("value"), Some("2%")),
                filter(None, None, Some("2%")),
            ] {
                let expected = walk(&commits, &modules, &filter);
                let found = log(&s, at, &filter, count);
                let ids: Vec<_> = found.iter().map(|found| found.commit.id).collect();
                let mut seen = BTreeMap::new();
                for each in found {
                    prop_assert_eq!(each.hash.map(|hash| hash.to_string()), modules[&each.commit.id.to_string()].map(|n| blob_id(&module_with_items(n))));
                    prop_assert_eq!((each.change.left_out, &each.change.unknown), (0, &None));
                    let items = each.change.items.into_iter();
                    let items: Vec<ItemChange> = items.map(|item| ((item.kind, item.name), item.old, item.new)).collect();
                    seen.insert(each.commit.id, (items, each.change.grew.is_some()));
                }
                prop_assert_eq!(&seen, &expected, "{} {:?}", at, &filter);
                // Newest first, as in the audit.
                let audit = s.store.audit(&Revision::default(), &path(at)).unwrap();
                let order: Vec<_> = audit.iter().map(|entry| entry.commit.id).filter(|id| expected.contains_key(id)).collect();
                prop_assert_eq!(ids, order);
            }
        }
    }
}

#[test]
fn a_change_of_a_branch_is_listed_once_and_not_for_its_merge() {
    let s = Scratch::new();
    put(&s, None, "a", 0);
    let side = branch("side");
    s.store.create_branch(&side, &Revision::default()).unwrap();
    put(&s, Some("side"), "a", 1);
    put(&s, None, "b", 0);
    let change = s.store.merge(&on(None), &side).unwrap();
    assert!(change.commit.is_some());
    let exports = filter(None, Some("f*"), None);
    let found = log(&s, "a", &exports, 9);
    let names = |nth: usize| {
        let items = found[nth].change.items.iter();
        items
            .map(|item| (item.name.as_str(), item.old.is_some(), item.new.is_some()))
            .collect::<Vec<_>>()
    };
    assert_eq!(found.len(), 2);
    assert_eq!(names(0), [("f0", true, false), ("f1", false, true)]);
    assert_eq!(names(1), [("f0", false, true)]);
}

#[test]
fn a_removal_and_a_return_are_listed() {
    let s = Scratch::new();
    put(&s, None, "a", 1);
    s.store
        .remove(&on(None), &"a".parse().unwrap(), DirectoryRemoval::Refuse)
        .unwrap();
    put(&s, None, "a", 1);
    let found = log(&s, "a", &filter(Some("env.g1"), None, None), 1);
    let modules: Vec<_> = found.iter().map(|found| found.hash.is_some()).collect();
    assert_eq!(modules, [true, false, true]);
    let removed = &found[1].change.items;
    assert_eq!((removed.len(), removed[0].new.is_none()), (1, true));
    assert_eq!(
        log(&s, "a", &filter(None, None, Some("0%")), 1),
        [],
        "nothing to compare with"
    );
}

#[test]
fn facts_that_the_index_does_not_have_are_computed() {
    let mut s = Scratch::new();
    for n in 0..4 {
        put(&s, None, "a", n);
    }
    let exports = filter(None, Some("f"), None);
    let all = filter(None, Some("f*"), None);
    assert_eq!(log(&s, "a", &exports, 9), []);
    let expected = log(&s, "a", &all, 9);
    assert_eq!(expected.len(), 4);
    let bytes = |s: &Scratch, count| {
        let tip = Revision::default();
        s.store
            .largest_without_facts(&tip, &path("a"), &all, (None, count))
            .unwrap()
    };
    assert_eq!(bytes(&s, 9), 0);
    std::fs::remove_dir_all(s.root.join("wasmstore")).unwrap();
    s.reopen();
    assert_eq!(bytes(&s, 9), module_with_items(3).len() as u64);
    assert_eq!(log(&s, "a", &all, 9), expected);
    assert_eq!(bytes(&s, 9), 0);
}

#[test]
fn a_file_that_is_no_module_is_reported() {
    let s = Scratch::new();
    put(&s, None, "a", 1);
    let blob = git_with_input(&s.root, &["hash-object", "-w", "--stdin"], "no module");
    let entry = format!("100644 blob {}\ta\n", blob.trim());
    let tree = git_with_input(&s.root, &["mktree"], entry);
    let commit = s.git(&["commit-tree", "-p", "main", "-m", "outside", tree.trim()]);
    s.git(&["update-ref", "refs/heads/main", commit.trim()]);
    let found = log(&s, "a", &filter(Some("env"), None, None), 9);
    let change = &found[0].change;
    assert_eq!(found.len(), 2);
    let reason = change.unknown.as_deref().unwrap();
    assert!(reason.contains("magic"), "{reason}");
}

#[test]
fn the_listed_items_are_limited() {
    let s = Scratch::new();
    let exports: String = (0..300)
        .map(|n| format!(r#"(export "e{n:03}" (func 0))"#))
        .collect();
    let bytes = wat::parse_str(format!("(module (func) {exports})")).unwrap();
    s.store
        .put(&on(None), &path("a"), bytes.as_slice())
        .unwrap();
    let found = log(&s, "a", &filter(None, Some("e*"), None), 9);
    assert_eq!(
        (found[0].change.items.len(), found[0].change.left_out),
        (100, 200)
    );
    let growth: Growth = "10%".parse().unwrap();
    assert_eq!(growth.to_string(), "10%");
}
