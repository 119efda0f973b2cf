//! Searches for modules by what is in them, compared with a walk over everything.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use wasmstore::names::{CommitId, ModuleHash, ModulePath, TreePath};
use wasmstore::store::{
    DirectoryRemoval, ImportFilter, Query, Revision, SearchCursor, SearchDetail, SearchMatch,
    SearchPage, SearchScope,
};

use crate::support::store::{Scratch, branch, custom_section, on, path};

/// A module that imports `env.gA` and a function from a version of a package, exports `fB` and a value whose type depends on `n`, and has a custom
/// section of `n` bytes.
pub fn module_with_items(n: u32) -> Vec<u8> {
    let value = if n.is_multiple_of(3) { "i64" } else { "i32" };
    let text = format!(
        r#"(module
            (import "env" "g{}" (global i32))
            (import "test:pkg/types@0.{}.{n}" "t" (func))
            (func (export "f{}"))
            (global (export "value") {value} ({value}.const 0))
            (@custom "padding" "{}"))"#,
        n % 2,
        n % 3,
        n % 4,
        "x".repeat(n as usize),
    );
    wat::parse_str(text).unwrap()
}

pub fn put(s: &Scratch, on_branch: Option<&str>, at: &str, n: u32) {
    let put = s
        .store
        .put(&on(on_branch), &path(at), module_with_items(n).as_slice());
    put.unwrap();
}

/// Returns all results of a search, page by page.
pub fn search(s: &Scratch, query: &str, scope: SearchScope, count: usize) -> Vec<SearchMatch> {
    s.store.complete_facts(&Revision::default()).unwrap();
    let query = Query::parse(query).unwrap();
    let (mut cursor, mut all) = (SearchCursor::default(), Vec::new());
    loop {
        let page = s.store.search(
            &Revision::default(),
            &query,
            scope,
            SearchDetail::Hashes,
            &cursor,
            count,
        );
        let SearchPage {
            matches,
            next,
            pending,
        } = page.unwrap();
        assert_eq!(pending, 0);
        assert!(matches.len() <= count);
        all.extend(matches);
        match next {
            Some(next) => cursor = next,
            None => return all,
        }
    }
}

fn paths(s: &Scratch, query: &str) -> Vec<String> {
    let found = search(s, query, SearchScope::Tree, 2);
    let found = found.into_iter();
    found
        .map(|found| {
            assert_eq!(found.commit, None);
            found.path.as_str().to_owned()
        })
        .collect()
}

#[test]
fn terms_select_modules_by_items_sizes_and_paths() {
    let s = Scratch::new();
    for n in 0..6 {
        put(&s, None, &format!("dir{}/m{n}.wasm", n % 2), n);
    }
    let of = |numbers: &[u32]| {
        let mut paths: Vec<_> = numbers
            .iter()
            .map(|n| format!("dir{}/m{n}.wasm", n % 2))
            .collect();
        paths.sort();
        paths
    };
    for (query, numbers) in [
        ("export:f1", &[1, 5][..]),
        ("export:f*", &[0, 1, 2, 3, 4, 5]),
        ("export:f", &[]),
        ("import:env.g0", &[0, 2, 4]),
        ("import:env", &[0, 1, 2, 3, 4, 5]),
        ("import:test:pkg@0.1", &[1, 4]),
        ("import:test:pkg/types>=0.1.2", &[2, 4, 5]),
        ("import:test:pkg@0.0.3", &[3]),
        ("kind:module -import:env.g0", &[1, 3, 5]),
        ("kind:component", &[]),
        ("path:dir0", &[0, 2, 4]),
        ("path:dir0/m*.wasm export:f0", &[0, 4]),
        ("-path:/dir0/** export:f3", &[3]),
        ("M3.wasm", &[3]),
        ("-m3 -m4", &[0, 1, 2, 5]),
        ("needs:1.0", &[0, 1, 2, 3, 4, 5]),
        ("producer:rustc", &[]),
    ] {
        assert_eq!(paths(&s, query), of(numbers), "{query}");
    }
    let size = module_with_items(3).len();
    assert_eq!(paths(&s, &format!("size>{size}")), of(&[4, 5]));
    assert_eq!(paths(&s, &format!("size={size}")), of(&[3]));
}

#[test]
fn a_search_covers_the_revision_and_finds_what_an_upload_added_at_once() {
    let s = Scratch::new();
    put(&s, None, "a", 1);
    let before = Revision::Commit(s.tip());
    put(&s, None, "a", 2);
    let query = Query::parse("kind:module").unwrap();
    let found = |revision: &Revision| {
        let cursor = SearchCursor::default();
        let page = s.store.search(
            revision,
            &query,
            SearchScope::Tree,
            SearchDetail::Hashes,
            &cursor,
            9,
        );
        let page = page.unwrap();
        assert_eq!(page.pending, 0, "the uploads brought their facts");
        page.matches[0].hash
    };
    assert_ne!(found(&before), found(&Revision::default()));
}

#[test]
fn the_versions_of_a_path_may_take_several_pages() {
    let s = Scratch::new();
    for n in 0..5 {
        put(&s, None, "a", n);
    }
    put(&s, None, "b", 0);
    for count in 1..7 {
        let found = search(&s, "kind:module", SearchScope::History, count);
        let paths: Vec<_> = found.iter().map(|found| found.path.as_str()).collect();
        assert_eq!(paths, ["a", "a", "a", "a", "a", "b"], "{count}");
        let hashes: BTreeSet<_> = found.iter().map(|found| found.hash).collect();
        assert_eq!(hashes.len(), 5, "{count}");
    }
}

/// Searches that find many of the modules read all paths instead of looking up those of each module.
#[test]
fn many_matches_are_found_in_pages() {
    let s = Scratch::new();
    for n in 0..40 {
        put(&s, None, &format!("d{}/m{n:02}", n % 3), n);
    }
    put(&s, None, "d0/m00", 41);
    for (query, step) in [
        ("kind:module", 1),
        ("export:f*", 1),
        ("import:env.g0 -size>9999", 2),
    ] {
        let mut expected: Vec<String> = (0..40)
            .filter(|n| *n == 0 || n % step == 0)
            .map(|n| format!("d{}/m{n:02}", n % 3))
            .collect();
        if step == 2 {
            // Its newest version has an odd number.
            expected.retain(|path| path != "d0/m00");
        }
        expected.sort();
        assert_eq!(paths(&s, query), expected, "{query}");
    }
    for count in [1, 7, 100] {
        let found = search(&s, "kind:module", SearchScope::History, count);
        assert_eq!(found.len(), 41, "{count}");
        assert!(
            found.is_sorted_by_key(|found| found.path.clone()),
            "{count}"
        );
    }
}

/// A search that has looked many modules up one by one reads the rows of all modules that it may find, by their ids or in one scan.
#[test]
fn matches_are_found_at_the_end_of_many_paths() {
    let s = Scratch::new();
    let files = tempfile::tempdir().unwrap();
    for n in 0..1300_usize {
        let bytes = custom_section(format!("{n:04}{}", "x".repeat(n / 13)).bytes());
        std::fs::write(files.path().join(format!("m{n:04}")), bytes).unwrap();
    }
    let (prefix, filter) = (TreePath::default(), ImportFilter::default());
    let import = s
        .store
        .import(&on(None), files.path(), &prefix, &filter, |_, _| ());
    import.unwrap();
    let size = |n: usize| {
        files
            .path()
            .join(format!("m{n:04}"))
            .metadata()
            .unwrap()
            .len()
    };
    for first in [1040, 780] {
        let query = format!("size>={}", size(first));
        let found = search(&s, &query, SearchScope::Tree, 500);
        let found = found.iter().map(|found| found.path.as_str().to_owned());
        let expected = (first..1300).map(|n| format!("m{n:04}"));
        assert!(found.eq(expected), "{query}");
    }
    let found = search(&s, "size>1 -path:m0* path:m129?", SearchScope::Tree, 500);
    assert_eq!(found.len(), 10);
}

/// What matched is looked up in the facts about each module, and the work for one page is limited.
#[test]
fn a_page_ends_when_the_facts_about_its_modules_are_large() {
    let s = Scratch::new();
    let exports: String = (0..2000)
        .map(|n| format!(r#"(func (export "{n}{}"))"#, "x".repeat(60)))
        .collect();
    for n in 0..6 {
        let text = format!(r#"(module {exports} (@custom "n" "{n}"))"#);
        let bytes = wat::parse_str(text).unwrap();
        s.store
            .put(&on(None), &path(&format!("m{n}")), bytes.as_slice())
            .unwrap();
    }
    s.store.complete_facts(&Revision::default()).unwrap();
    let query = Query::parse(&"export:1* ".repeat(64)).unwrap();
    let (mut cursor, mut pages, mut found) = (SearchCursor::default(), 0, Vec::new());
    loop {
        let (revision, detail) = (Revision::default(), SearchDetail::Matched);
        let scope = SearchScope::History;
        let page = s
            .store
            .search(&revision, &query, scope, detail, &cursor, 100);
        let page = page.unwrap();
        pages += 1;
        assert!(!page.matches.is_empty());
        found.extend(page.matches);
        match page.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    assert!((2..=6).contains(&pages), "{pages}");
    assert_eq!(found.len(), 6);
    for each in found {
        assert_eq!(each.matched.unwrap().texts.len(), 4);
    }
}

#[test]
fn globs_with_a_directory_select_what_is_below_it() {
    let s = Scratch::new();
    for at in ["a/b/c", "a/b-c", "a/bc/d", "a/b0", "b/a/b/c", "c"] {
        put(&s, None, at, 1);
    }
    for (query, expected) in [
        ("path:a/b/**", &["a/b/c"][..]),
        ("path:a/b", &["a/b/c"]),
        ("path:/a/b*", &["a/b-c", "a/b/c", "a/b0", "a/bc/d"]),
        ("path:a/*c", &["a/b-c", "a/bc/d"]),
        ("path:a/** path:a/bc/*", &["a/bc/d"]),
        ("path:a/** path:b/**", &[]),
        ("path:**/b/c", &["a/b/c", "b/a/b/c"]),
        ("-path:a/**", &["b/a/b/c", "c"]),
    ] {
        assert_eq!(paths(&s, query), expected, "{query}");
        let found = search(&s, query, SearchScope::History, 2);
        let found: Vec<_> = found.iter().map(|found| found.path.as_str()).collect();
        assert_eq!(found, expected, "{query} --history");
    }
}

/// An operation of a random history.
#[derive(Clone, Debug)]
pub enum Step {
    Put(bool, u8, u32),
    Remove(bool, u8),
    Merge(bool),
}

pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), 0..4_u8, 0..6_u32).prop_map(|(side, at, n)| Step::Put(side, at, n)),
        1 => (any::<bool>(), 0..4_u8).prop_map(|(side, at)| Step::Remove(side, at)),
        2 => any::<bool>().prop_map(Step::Merge),
    ]
}

pub fn run(s: &Scratch, steps: &[Step]) {
    put(s, None, "d0/p0", 0);
    let side = branch("side");
    s.store.create_branch(&side, &Revision::default()).unwrap();
    let name = |is_side: bool| is_side.then_some("side");
    for step in steps {
        match step {
            Step::Put(is_side, at, n) => put(s, name(*is_side), &format!("d{}/p{at}", at % 2), *n),
            Step::Remove(is_side, at) => {
                let name_ref = format!("d{}/p{at}", at % 2).parse().unwrap();
                // The path may have no module.
                let _ = s
                    .store
                    .remove(&on(name(*is_side)), &name_ref, DirectoryRemoval::Refuse);
            }
            Step::Merge(into_side) => {
                let theirs = if *into_side {
                    branch("main")
                } else {
                    side.clone()
                };
                // The branches may conflict.
                let _ = s.store.merge(&on(name(*into_side)), &theirs);
            }
        }
    }
}

/// Returns every version in the history of main: the commits whose tree has a module at a path and none of whose parents has it there.
fn versions(s: &Scratch) -> BTreeSet<(ModulePath, ModuleHash, CommitId)> {
    let tree = |commit: &str| -> BTreeSet<(String, String)> {
        let listed = s.git(&["ls-tree", "-r", "--format=%(path) %(objectname)", commit]);
        let entries = listed.lines().filter_map(|line| line.split_once(' '));
        entries
            .map(|(path, id)| (path.to_owned(), id.to_owned()))
            .collect()
    };
    let mut versions = BTreeSet::new();
    for line in s.git(&["rev-list", "--parents", "main"]).lines() {
        let mut ids = line.split(' ');
        let commit = ids.next().unwrap();
        let parents: Vec<_> = ids.map(tree).collect();
        for entry in tree(commit) {
            if parents.iter().all(|parent| !parent.contains(&entry)) {
                let (path, hash) = (entry.0.parse().unwrap(), entry.1.parse().unwrap());
                versions.insert((path, hash, commit.parse().unwrap()));
            }
        }
    }
    versions
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_search_of_the_history_agrees_with_a_walk(steps in proptest::collection::vec(step(), 1..24), count in 1..5_usize) {
        let s = Scratch::new();
        run(&s, &steps);
        let versions = versions(&s);
        let numbers: BTreeMap<ModuleHash, u32> = (0..6)
            .map(|n| (crate::support::store::blob_id(&module_with_items(n)).parse().unwrap(), n))
            .collect();
        for (query, accepts) in [
            ("export:f1", (|_, n| n % 4 == 1) as fn(&str, u32) -> bool),
            ("import:env.g0 -export:f2", |_, n| n % 2 == 0 && n % 4 != 2),
            ("import:test:pkg@0.1", |_, n| n % 3 == 1),
            ("export:*1", |_, n| n % 4 == 1),
            ("path:**/p1", |path, _| path == "d1/p1"),
            ("P2 -export:*3", |path, n| path == "d0/p2" && n % 4 != 3),
            ("path:d0 -p2", |path, _| path == "d0/p0"),
            ("-path:**/p1 -d0/", |path, _| path == "d1/p3"),
        ] {
            let is_wanted = |path: &ModulePath, hash: &ModuleHash| {
                accepts(path.as_str(), numbers[hash])
            };
            let found = search(&s, query, SearchScope::History, count);
            // Each hash of a path once, with a commit that introduced it.
            for each in &found {
                let version = (each.path.clone(), each.hash, each.commit.unwrap());
                prop_assert!(versions.contains(&version), "{:?}", each);
            }
            let pairs: BTreeSet<_> = found.iter().map(|found| (found.path.clone(), found.hash)).collect();
            prop_assert_eq!(pairs.len(), found.len());
            let expected: BTreeSet<_> = versions
                .iter()
                .filter(|(path, hash, _)| is_wanted(path, hash))
                .map(|(path, hash, _)| (path.clone(), *hash))
                .collect();
            prop_assert_eq!(&pairs, &expected, "{}", query);
            let tree = search(&s, query, SearchScope::Tree, count);
            let tip: BTreeSet<(ModulePath, ModuleHash)> = s
                .git(&["ls-tree", "-r", "--format=%(path) %(objectname)", "main"])
                .lines()
                .filter_map(|line| line.split_once(' '))
                .map(|(path, id)| (path.parse().unwrap(), id.parse().unwrap()))
                .filter(|(path, hash)| is_wanted(path, hash))
                .collect();
            let in_tree: Vec<_> = tree.into_iter().map(|found| (found.path, found.hash)).collect();
            prop_assert_eq!(in_tree, Vec::from_iter(tip), "{}", query);
        }
    }
}
