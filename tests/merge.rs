//! Merging: examples, and a comparison with `git merge-tree` on random histories.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;

use crate::support::store::{Scratch, branch, on};
use proptest::prelude::*;
use wasmstore::names::TreePath;
use wasmstore::store::{Error, ErrorKind, MergeOutcome, Revision};

fn merge(s: &Scratch, from: &str) -> Result<(), Error> {
    merge_as_previewed(s, "main", from)
}

/// Merges, and checks that a preview tells before what a merge does, and changes nothing.
fn merge_as_previewed(s: &Scratch, into: &str, from: &str) -> Result<(), Error> {
    let tip = |name: &str| s.store.snapshot(&Revision::Branch(Some(branch(name))));
    let Ok(old) = tip(into) else {
        return s.store.merge(&on(Some(into)), &branch(from)).map(drop);
    };
    let preview = s.store.preview_merge(&branch(into), &branch(from));
    assert_eq!(tip(into).unwrap(), old, "a preview changes nothing");
    let merged = s.store.merge(&on(Some(into)), &branch(from));
    let new = tip(into).unwrap();
    let mut changes = Vec::new();
    let sides = [old, new].map(Revision::Commit);
    let visit = |change| {
        changes.push(change);
        ControlFlow::Continue(())
    };
    s.store
        .diff(&sides[0], &sides[1], &TreePath::root(), visit)
        .unwrap();
    match (&merged, preview) {
        (Ok(_), Ok(preview)) => {
            let theirs = tip(from).unwrap();
            assert_eq!((preview.ours, preview.theirs), (old, theirs));
            let expected = match new {
                new if new == old => MergeOutcome::Contained,
                new if new == theirs => MergeOutcome::FastForward(changes),
                _ => MergeOutcome::Merged(changes),
            };
            assert_eq!(preview.outcome, expected);
        }
        (Err(error), Ok(preview)) => {
            let paths = error.conflicting_paths().to_vec();
            assert_eq!(preview.outcome, MergeOutcome::Conflict(paths));
        }
        (merged, preview) => assert!(
            merged.is_err() && preview.is_err(),
            "{merged:?} {preview:?}"
        ),
    }
    merged.map(drop)
}

#[test]
fn a_branch_that_is_behind_is_fast_forwarded() {
    let s = Scratch::new();
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    let side = s.put_on(Some("side"), "p", 1);
    merge(&s, "side").unwrap();
    assert_eq!(s.tip(), side);
    merge(&s, "side").unwrap();
    assert_eq!(s.tip(), side, "merging a contained branch changes nothing");
}

#[test]
fn the_merge_commit_has_both_changes_and_both_parents() {
    let s = Scratch::new();
    s.put("same", 1);
    s.put("gone", 2);
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    s.put_on(Some("side"), "theirs", 3);
    let side = s.put_on(Some("side"), "both", 5);
    s.put("both", 5);
    let ours = s.put("ours", 4);
    merge(&s, "side").unwrap();
    assert_eq!(s.content(), "/both=5 /gone=2 /ours=4 /same=1 /theirs=3");
    let commit = s.store.commit(s.tip()).unwrap();
    assert_eq!(
        (commit.parents, commit.message),
        (vec![ours, side], "Merge side".to_owned())
    );
    s.fsck();
}

#[test]
fn a_conflict_lists_the_paths_and_changes_nothing() {
    let s = Scratch::new();
    s.put("p", 1);
    s.put("f", 1);
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    s.put_on(Some("side"), "p", 2);
    s.put_on(Some("side"), "d", 2);
    s.put("p", 3);
    let tip = s.put("d/x", 4);
    let error = merge(&s, "side").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.to_string(), "both sides changed /d, /p");
    assert_eq!(s.tip(), tip);
    assert_eq!(
        merge(&s, "unknown").unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        s.store
            .merge(&on(Some("unknown")), &branch("main"))
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn without_a_common_ancestor_the_base_is_empty() {
    let s = Scratch::new();
    s.put("a", 1);
    let tree = s.git(&["rev-parse", "main^{tree}"]);
    s.put("b", 2);
    let orphan = s.git(&["commit-tree", "-m", "orphan", tree.trim()]);
    s.git(&["branch", "orphan", orphan.trim()]);
    s.put_on(Some("orphan"), "c", 3);
    merge(&s, "orphan").unwrap();
    assert_eq!(s.content(), "/a=1 /b=2 /c=3");
}

#[test]
fn a_symbolic_link_conflicts_with_a_directory_of_the_other_side() {
    let s = Scratch::new();
    s.put("z", 1);
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    s.put_on(Some("side"), "a/b", 2);
    let blob = s.git(&["rev-parse", "main:z"]);
    let listed = s.git(&["ls-tree", "main"]);
    let listed = format!("120000 blob {}\ta\n{listed}", blob.trim());
    let tree = crate::support::store::git_with_input(&s.root, &["mktree"], &listed);
    let commit = s.git(&["commit-tree", "-m", "link", "-p", "main", tree.trim()]);
    s.git(&["update-ref", "refs/heads/main", commit.trim()]);
    let error = merge(&s, "side").unwrap_err();
    assert_eq!(error.to_string(), "both sides changed /a/b");
    assert_eq!(s.git(&["rev-parse", "main"]), commit);
}

/// Each of the 24 levels has three merge bases: without a limit, merging the bases would take 3^24 merges.
#[test]
fn stacked_criss_cross_merges_terminate() {
    let mut stream = String::new();
    commit(&mut stream, "l", 1, &[], &Files::new());
    let mut parents = vec![1];
    let mut mark = 1;
    for level in 0..24u8 {
        let names = ["k", "l", "m"];
        let layer: Vec<usize> = names
            .iter()
            .enumerate()
            .map(|(nth, name)| {
                mark += 1;
                let files = Files::from([(*name, level % 4)]);
                commit(
                    &mut stream,
                    name,
                    mark,
                    &[
                        &parents[nth % parents.len()..],
                        &parents[..nth % parents.len()],
                    ]
                    .concat(),
                    &files,
                );
                mark
            })
            .collect();
        parents = layer;
    }
    commit(
        &mut stream,
        "ours",
        mark + 1,
        &parents[..2],
        &Files::from([("k", 9)]),
    );
    commit(
        &mut stream,
        "theirs",
        mark + 2,
        &parents[1..],
        &Files::from([("m", 9)]),
    );
    let s = Scratch::new();
    crate::support::store::git_with_input(&s.root, &["fast-import", "--quiet", "--force"], &stream);
    let merged = s.store.merge(&on(Some("ours")), &branch("theirs"));
    assert!(merged.is_ok() || merged.is_err_and(|error| error.kind() == ErrorKind::Conflict));
}

/// A tree of files with one line each: paths and contents.
type Files = BTreeMap<&'static str, u8>;

/// Paths, some of which are parent directories of others.
const NESTED: [&str; 7] = ["a", "a/b", "a/b/c", "a/d", "e", "e/f", "g"];
const FLAT: [&str; 4] = ["k", "l", "m", "n"];

fn files(paths: &'static [&'static str]) -> impl Strategy<Value = Files> {
    proptest::collection::btree_map(proptest::sample::select(paths), 0u8..4, 0..5).prop_map(
        |files| {
            let clashes = |path: &str| {
                files
                    .keys()
                    .any(|other| path.starts_with(&format!("{other}/")))
            };
            files
                .iter()
                .filter(|(path, _)| !clashes(path))
                .map(|(path, n)| (*path, *n))
                .collect()
        },
    )
}

/// Appends one commit to a git-fast-import(1) stream. Each file has one line, so git too treats its content as a whole.
fn commit(stream: &mut String, name: &str, mark: usize, parents: &[usize], files: &Files) {
    write!(
        stream,
        "commit refs/heads/{name}\nmark :{mark}\ncommitter x <x@y> {} +0000\ndata 1\nc\n",
        1000 + mark
    )
    .unwrap();
    for (nth, parent) in parents.iter().enumerate() {
        writeln!(
            stream,
            "{} :{parent}",
            if nth == 0 { "from" } else { "merge" }
        )
        .unwrap();
    }
    stream.push_str("deleteall\n");
    for (path, content) in files {
        // The path makes contents unique, so that git detects no renames.
        let content = format!("{path} {content}");
        write!(
            stream,
            "M 100644 inline {path}\ndata {}\n{content}\n",
            content.len()
        )
        .unwrap();
    }
}

/// Merges `theirs` into `ours` with wasmstore and with git. If both succeed, the trees must be equal; if git refuses, wasmstore must too.
/// Returns the paths at which only wasmstore refuses.
fn compare(stream: &str) -> Result<Vec<String>, TestCaseError> {
    let s = Scratch::new();
    crate::support::store::git_with_input(&s.root, &["fast-import", "--quiet", "--force"], stream);
    let args = [
        "merge-tree",
        "--write-tree",
        "--allow-unrelated-histories",
        "ours",
        "theirs",
    ];
    let (clean, output) = crate::support::store::try_git(&s.root, &args, "");
    match merge_as_previewed(&s, "ours", "theirs") {
        Ok(()) => {
            prop_assert!(clean, "only wasmstore merged: {output}\n{stream}");
            prop_assert_eq!(s.git(&["rev-parse", "ours^{tree}"]), output, "{}", stream);
            Ok(Vec::new())
        }
        Err(Error::Repo(wasmstore::repo::Error::MergeConflict { paths })) => {
            Ok(if clean { paths } else { Vec::new() })
        }
        Err(other) => Err(TestCaseError::fail(format!("{other}\n{stream}"))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merging_agrees_with_git(base in files(&NESTED), ours in files(&NESTED), theirs in files(&NESTED)) {
        let mut stream = String::new();
        commit(&mut stream, "base", 1, &[], &base);
        commit(&mut stream, "ours", 2, &[1], &ours);
        commit(&mut stream, "theirs", 3, &[1], &theirs);
        prop_assert_eq!(compare(&stream)?, Vec::<String>::new(), "{}", stream);
    }

    #[test]
    fn criss_cross_merging_agrees_with_git(
        base in files(&FLAT), left in files(&FLAT), right in files(&FLAT),
        one in files(&FLAT), two in files(&FLAT), ours in files(&FLAT), theirs in files(&FLAT),
    ) {
        let mut stream = String::new();
        commit(&mut stream, "base", 1, &[], &base);
        commit(&mut stream, "left", 2, &[1], &left);
        commit(&mut stream, "right", 3, &[1], &right);
        commit(&mut stream, "one", 4, &[2, 3], &one);
        commit(&mut stream, "two", 5, &[3, 2], &two);
        commit(&mut stream, "ours", 6, &[4], &ours);
        commit(&mut stream, "theirs", 7, &[5], &theirs);
        // If the two merge bases contradict each other, git uses an older base for some conflicts. With opaque content, one side
        // could win by accident, so wasmstore reports a conflict there, and only there.
        for path in compare(&stream)? {
            let values = [&base, &left, &right].map(|files| files.get(&path[1..]));
            let contradict = values[0] != values[1] && values[0] != values[2] && values[1] != values[2];
            prop_assert!(contradict, "only wasmstore refuses {path}\n{stream}");
        }
    }
}
