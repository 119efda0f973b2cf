//! Histories with commits that `git fsck` reports, but that git reads: everything works on them, and `verify` reports them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use wasmstore::names::CommitId;
use wasmstore::store::{
    Change, DerivedFaults, FaultSeverity, Finding, History, LogOrder, Revision,
};

use crate::support::store::{Scratch, git_with_input, path};

/// Headers between the parents and the message that git reads and fsck reports, with the faults that `verify` reports.
const ODD_HEADERS: [(&str, &[&str]); 9] = [
    (
        "author svn-import 1312735823 +0000\ncommitter svn-import 1312735823 +0000\n",
        &[
            "its author has no mail address in angle brackets",
            "its committer has no mail address in angle brackets",
        ],
    ),
    (
        "author A <a@b 12 +0000\ncommitter A <a@b> 12 +0000\n",
        &["its author has no mail address in angle brackets"],
    ),
    (
        "author A <a@b> noon\ncommitter A <a@b> 99999999999999999999 +0000\n",
        &[
            "its author has no time, or one that is not a number of 64 bits",
            "its committer has no time, or one that is not a number of 64 bits",
        ],
    ),
    (
        "author A <a@b> -5 +0000\ncommitter A <a@b> 12 UTC\n",
        &[
            "its author has a time that is not seconds and an offset such as +0000",
            "its committer has a time that is not seconds and an offset such as +0000",
        ],
    ),
    (
        "author A <a@b> 9223372036854775807 +0000\ncommitter A <a@b> 12 +0000\n",
        &[],
    ),
    ("committer A <a@b> 12 +0000\n", &["its author is missing"]),
    ("author A <a@b> 12 +0000\n", &["its committer is missing"]),
    (
        "author\ncommitter\nwhat is this\n",
        &["its author is missing", "its committer is missing"],
    ),
    ("author A<a@b> 4 +0\ncommitter <> 4 -99999\n", &[]),
];

/// Stores a commit with these headers, as git's own check would not accept it.
fn commit(s: &Scratch, tree: &str, parents: &[&str], headers: &str) -> String {
    let parents: String = parents.iter().map(|id| format!("parent {id}\n")).collect();
    let text = format!("tree {tree}\n{parents}{headers}\nodd\n");
    let args = [
        "hash-object",
        "-t",
        "commit",
        "--literally",
        "-w",
        "--stdin",
    ];
    git_with_input(&s.root, &args, text).trim().to_owned()
}

fn rev_parse(s: &Scratch, text: &str) -> String {
    s.git(&["rev-parse", text]).trim().to_owned()
}

/// Puts a commit with these headers on the default branch.
fn add_odd_commit(s: &Scratch, headers: &str) -> String {
    let (tree, parent) = (rev_parse(s, "main^{tree}"), rev_parse(s, "main"));
    let odd = commit(s, &tree, &[&parent], headers);
    s.git(&["update-ref", "refs/heads/main", &odd]);
    odd
}

fn faults(s: &Scratch) -> Vec<(String, FaultSeverity, String)> {
    let mut faults = Vec::new();
    let mut report = |finding| match finding {
        Finding::Fault(fault) => faults.push((fault.subject, fault.severity, fault.reason)),
        Finding::Foreign(at) => panic!("{at:?}"),
    };
    s.store
        .verify(DerivedFaults::Report, &mut report, &mut || ())
        .unwrap();
    faults.sort_by(|a, b| (&a.0, &a.2).cmp(&(&b.0, &b.2)));
    faults
}

fn log(s: &Scratch) -> Vec<CommitId> {
    let mut ids = Vec::new();
    let visit = |commit: wasmstore::store::Commit| {
        ids.push(commit.id);
        true
    };
    s.store
        .log(&Revision::default(), 0, 999, LogOrder::ChildrenFirst, visit)
        .unwrap();
    ids
}

#[test]
fn odd_commits_stop_nothing_and_are_reported() {
    for (headers, reasons) in ODD_HEADERS {
        let s = Scratch::new();
        s.put("a", 1);
        s.store
            .create_branch(&"side".parse().unwrap(), &Revision::default())
            .unwrap();
        s.put_on(Some("side"), "b", 2);
        let odd = add_odd_commit(&s, headers);
        let expected: Vec<_> = reasons
            .iter()
            .map(|reason| {
                let subject = format!("commit {odd}");
                (subject, FaultSeverity::Metadata, (*reason).to_owned())
            })
            .collect();
        assert_eq!(faults(&s), expected);
        s.put("a", 3);
        assert_eq!(s.store.commit(odd.parse().unwrap()).unwrap().message, "odd");
        let versions = s.store.versions(&Revision::default(), &path("a")).unwrap();
        assert_eq!(versions.len(), 2, "{headers:?}");
        let audit = s.store.audit(&Revision::default(), &path("a")).unwrap();
        assert_eq!(audit.len(), 2, "{headers:?}");
        let merged = s.store.merge(&Change::default(), &"side".parse().unwrap());
        assert!(merged.is_ok(), "{merged:?}");
        assert_eq!(s.content(), "/a=3 /b=2");
        let listed = s.git(&["rev-list", "--topo-order", "main"]);
        assert_eq!(log(&s).len(), listed.lines().count());
        s.store.gc(&Change::default(), History::Keep).unwrap();
        assert_eq!(s.content(), "/a=3 /b=2");
        assert_eq!(faults(&s), expected);
        s.store.gc(&Change::default(), History::Squash).unwrap();
        assert_eq!(s.content(), "/a=3 /b=2");
    }
}

/// A commit of a random history: its parents, counted back from it, and its headers.
fn step() -> impl Strategy<Value = (Vec<usize>, usize)> {
    (
        prop::collection::vec(1..4_usize, 1..3),
        0..ODD_HEADERS.len(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// The commits, and the tips' merge, are those that git finds.
    #[test]
    fn random_odd_histories_are_read_as_git_reads_them(
        steps in prop::collection::vec(step(), 1..9),
    ) {
        let s = Scratch::new();
        s.put("a", 1);
        let tree = rev_parse(&s, "main^{tree}");
        let mut ids = vec![rev_parse(&s, "main")];
        for (parents, headers) in steps {
            let nth_last = |n: &usize| ids[ids.len().saturating_sub(*n)].as_str();
            let parents: Vec<&str> = parents.iter().map(nth_last).collect();
            ids.push(commit(&s, &tree, &parents, ODD_HEADERS[headers].0));
        }
        let (ours, theirs) = (ids.last().unwrap(), &ids[ids.len() / 2]);
        s.git(&["update-ref", "refs/heads/main", ours]);
        s.git(&["update-ref", "refs/heads/theirs", theirs]);
        let listed = s.git(&["rev-list", "main"]);
        let expected: BTreeSet<CommitId> = listed.lines().map(|id| id.parse().unwrap()).collect();
        prop_assert_eq!(log(&s).into_iter().collect::<BTreeSet<_>>(), expected);
        let base = s.git(&["merge-base", "main", "theirs"]);
        let merged = s.store.merge(&Change::default(), &"theirs".parse().unwrap()).unwrap();
        // A commit that contains the other branch already stays.
        prop_assert_eq!(merged.has_moved, base.trim() != theirs.as_str());
        s.store.gc(&Change::default(), History::Keep).unwrap();
        s.git(&["rev-list", "--objects", "--all"]);
        prop_assert!(faults(&s).iter().all(|(_, severity, _)| *severity == FaultSeverity::Metadata));
    }
}
