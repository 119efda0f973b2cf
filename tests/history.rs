//! History: versions, audit, restore and rollback, with sequences of changes on which naive implementations fail.

use crate::support::store::{Scratch, branch, module, on, path, scope};
use wasmstore::names::{CommitId, ModuleRef};
use wasmstore::store::{Change, DirectoryRemoval, ErrorKind, Revision};

impl Scratch {
    fn remove(&self, at: &str) {
        self.store
            .remove(
                &Change::default(),
                &ModuleRef::Path(path(at)),
                DirectoryRemoval::Recursive,
            )
            .unwrap();
    }

    fn rollback(&self, at: &str) -> Result<(), ErrorKind> {
        self.store
            .rollback(&Change::default(), &scope(at))
            .map(drop)
            .map_err(|error| error.kind())
    }

    /// Rolls back until there is nothing left to undo; returns the content after each rollback.
    fn rollbacks(&self, at: &str) -> Vec<String> {
        let mut contents = Vec::new();
        loop {
            match self.rollback(at) {
                Ok(()) => contents.push(self.content()),
                Err(kind) => {
                    assert_eq!(kind, ErrorKind::Conflict);
                    self.fsck();
                    return contents;
                }
            }
            assert!(contents.len() < 50, "rollback does not end: {contents:?}");
        }
    }

    fn restore(&self, commit: CommitId, at: &str) -> Result<(), ErrorKind> {
        self.store
            .restore(&Change::default(), commit, &scope(at))
            .map(drop)
            .map_err(|error| error.kind())
    }

    fn merge(&self, into: Option<&str>, from: &str) -> Result<(), ErrorKind> {
        self.store
            .merge(&on(into), &branch(from))
            .map(drop)
            .map_err(|error| error.kind())
    }

    fn branch(&self, name: &str) {
        self.store
            .create_branch(&branch(name), &Revision::default())
            .unwrap();
    }

    /// Returns the versions of a path as module numbers.
    fn versions(&self, at: &str) -> Vec<u32> {
        let versions = self
            .store
            .versions(&Revision::default(), &path(at))
            .unwrap();
        let number = |hash| {
            let bytes = self.store.bytes(hash).unwrap();
            (0..200).find(|n| module(*n) == *bytes).unwrap()
        };
        versions
            .into_iter()
            .map(|version| number(version.hash))
            .collect()
    }
}

#[test]
fn repeated_rollback_goes_back_to_the_removal_of_the_path() {
    let s = Scratch::new();
    for n in [1, 2, 1] {
        s.put("p", n);
    }
    assert_eq!(s.rollbacks("p"), ["/p=2", "/p=1", ""]);
    assert_eq!(s.rollback("p"), Err(ErrorKind::Conflict));
    assert_eq!(s.rollback("never"), Err(ErrorKind::NotFound));
    assert_eq!(s.git(&["rev-list", "--count", "main"]).trim(), "7");
}

#[test]
fn rollback_first_undoes_the_change_after_earlier_rollbacks() {
    let s = Scratch::new();
    for n in [1, 2, 3] {
        s.put("p", n);
    }
    s.rollback("p").unwrap();
    s.rollback("p").unwrap();
    assert_eq!(s.content(), "/p=1");
    s.put("p", 4);
    // The first rollback undoes v4 and so returns to v1, where the earlier rollbacks had led; the next continues from there.
    assert_eq!(s.rollbacks("p"), ["/p=1", ""]);
}

#[test]
fn rollback_names_the_restored_commit() {
    let s = Scratch::new();
    let first = s.put("p", 1);
    s.put("p", 2);
    s.rollback("p").unwrap();
    assert_eq!(
        s.git(&["log", "-1", "--format=%B"]).trim(),
        format!("Rollback /p\n\nRestores: {first}")
    );
    let change = Change {
        message: Some("Broken on arm64".parse().unwrap()),
        ..Change::default()
    };
    s.put("p", 3);
    let before = s.store.commit(s.tip()).unwrap().parents[0];
    s.store.rollback(&change, &scope("p")).unwrap();
    assert_eq!(
        s.git(&["log", "-1", "--format=%B"]).trim(),
        format!("Broken on arm64\n\nRestores: {before}")
    );
}

#[test]
fn rollback_of_a_path_does_not_change_other_paths() {
    let s = Scratch::new();
    s.put("p", 1);
    s.put("p", 2);
    s.put("q", 3);
    s.rollback("p").unwrap();
    assert_eq!(s.content(), "/p=1 /q=3");
    s.put("d/x", 4);
    s.put("d/y", 5);
    s.put("d/x", 6);
    assert_eq!(
        s.rollbacks("d"),
        ["/d/x=4 /d/y=5 /p=1 /q=3", "/d/x=4 /p=1 /q=3", "/p=1 /q=3"]
    );
}

#[test]
fn rollback_of_the_root_undoes_one_commit_at_a_time() {
    let s = Scratch::new();
    s.put("p", 1);
    s.put("q", 2);
    s.remove("p");
    assert_eq!(s.rollbacks(""), ["/p=1 /q=2", "/p=1", ""]);
    assert_eq!(Scratch::new().rollback(""), Err(ErrorKind::Conflict));
}

#[test]
fn rollback_of_a_directory_counts_for_its_modules() {
    let s = Scratch::new();
    s.put("d/x", 1);
    s.put("d/x", 2);
    s.put("d/x", 3);
    s.rollback("d").unwrap();
    assert_eq!(s.content(), "/d/x=2");
    s.rollback("d/x").unwrap();
    assert_eq!(s.content(), "/d/x=1");
}

#[test]
fn rollback_undoes_a_restore_like_any_change() {
    let s = Scratch::new();
    let one = s.put("p", 1);
    s.put("p", 2);
    s.restore(one, "p").unwrap();
    assert_eq!(s.content(), "/p=1");
    s.rollback("p").unwrap();
    assert_eq!(s.content(), "/p=2", "a restore is undone like any change");
}

#[test]
fn rollback_undoes_a_merge_as_one_change() {
    let s = Scratch::new();
    s.put("p", 1);
    s.branch("side");
    s.put_on(Some("side"), "p", 2);
    s.put_on(Some("side"), "p", 3);
    s.put("q", 9);
    s.merge(None, "side").unwrap();
    assert_eq!(s.content(), "/p=3 /q=9");
    assert_eq!(s.versions("p"), [1, 2, 3]);
    assert_eq!(s.rollbacks("p"), ["/p=1 /q=9", "/q=9"]);
}

#[test]
fn a_restore_from_another_branch_is_an_ordinary_change() {
    let s = Scratch::new();
    s.put("p", 1);
    s.branch("side");
    let side = s.put_on(Some("side"), "p", 2);
    s.put_on(Some("side"), "p", 3);
    s.restore(side, "p").unwrap();
    assert_eq!(s.content(), "/p=2");
    assert_eq!(s.rollbacks("p"), ["/p=1", ""]);
}

#[test]
fn a_forged_trailer_has_no_effect() {
    let s = Scratch::new();
    let one = s.put("p", 1);
    let two = s.put("p", 2);
    for forged in [one, two, s.tip()] {
        assert!(
            format!("x\n\nRestores: {forged}")
                .parse::<wasmstore::names::Message>()
                .is_err()
        );
    }
    // A push could contain such a commit: it claims to restore another commit, but has different content.
    let tree = s.git(&["rev-parse", "main^{tree}"]);
    s.put("p", 3);
    let three = s.git(&["rev-parse", "main^{tree}"]);
    let message = format!("Evil\n\nRestores: {one}");
    let commit = s.git(&[
        "commit-tree",
        "-m",
        &message,
        "-p",
        &two.to_string(),
        three.trim(),
    ]);
    s.git(&["update-ref", "refs/heads/main", commit.trim()]);
    s.rollback("p").unwrap();
    assert_eq!(
        s.content(),
        "/p=2",
        "the forged commit is undone, not skipped"
    );
    assert_eq!(s.git(&["rev-parse", "main^{tree}"]), tree);
    // A forged commit that names a commit which is not its ancestor.
    s.branch("side");
    let side = s.put_on(Some("side"), "p", 5);
    let five = s.git(&["rev-parse", "side^{tree}"]);
    let commit = s.git(&[
        "commit-tree",
        "-m",
        &format!("Evil\n\nRestores: {side}"),
        "-p",
        "main",
        five.trim(),
    ]);
    s.git(&["update-ref", "refs/heads/main", commit.trim()]);
    s.rollback("p").unwrap();
    assert_eq!(s.content(), "/p=2");
}

#[test]
fn rollback_to_a_path_below_a_module_is_a_conflict() {
    let s = Scratch::new();
    s.put("d/x", 1);
    s.remove("d");
    s.put("d", 2);
    let tip = s.tip();
    assert_eq!(s.rollback("d/x"), Err(ErrorKind::Conflict));
    assert_eq!(s.tip(), tip);
    s.rollback("d").unwrap();
    assert_eq!(s.content(), "");
}

#[test]
fn rollback_of_the_first_commit_is_a_conflict() {
    let s = Scratch::new();
    s.put("p", 1);
    let tree = s.git(&["rev-parse", "main^{tree}"]);
    let root = s.git(&["commit-tree", "-m", "root", tree.trim()]);
    s.git(&["update-ref", "refs/heads/main", root.trim()]);
    assert_eq!(s.rollback("p"), Err(ErrorKind::Conflict));
    assert_eq!(s.rollback(""), Err(ErrorKind::Conflict));
    assert_eq!(s.content(), "/p=1");
    assert_eq!(s.versions("p"), [1]);
}

#[test]
fn restore_commits_the_old_module_directory_or_tree() {
    let s = Scratch::new();
    s.put("a", 1);
    s.put("d/x", 2);
    let then = s.put("d/y", 3);
    s.put("a", 4);
    s.remove("d/x");
    let before = s.tip();
    s.restore(then, "d").unwrap();
    assert_eq!(s.content(), "/a=4 /d/x=2 /d/y=3");
    assert_eq!(s.store.commit(s.tip()).unwrap().parents, [before]);
    s.restore(then, "").unwrap();
    assert_eq!(s.content(), "/a=1 /d/x=2 /d/y=3");
    let tip = s.tip();
    s.restore(then, "").unwrap();
    s.restore(then, "a").unwrap();
    assert_eq!(s.tip(), tip, "a restore without effect makes no commit");
    let log = s.git(&["log", "-2", "--format=%s"]);
    assert_eq!(log, "Restore\nRestore /d\n");
    s.put("e", 5);
    s.restore(then, "e").unwrap();
    assert_eq!(
        s.content(),
        "/a=1 /d/x=2 /d/y=3",
        "a path that the commit does not have is removed"
    );
    assert_eq!(s.restore(then, "nowhere"), Err(ErrorKind::NotFound));
    assert_eq!(
        s.restore("0".repeat(40).parse().unwrap(), "a"),
        Err(ErrorKind::NotFound)
    );
    let blob: CommitId = s.git(&["rev-parse", "main:a"]).trim().parse().unwrap();
    assert_eq!(
        s.restore(blob, "a"),
        Err(ErrorKind::NotFound),
        "the id of a blob is not a commit"
    );
    s.fsck();
}

#[test]
fn restore_accepts_a_commit_that_no_branch_reaches() {
    let s = Scratch::new();
    s.branch("side");
    let lost = s.put_on(Some("side"), "p", 7);
    s.store.delete_branch(&branch("side"), None).unwrap();
    s.restore(lost, "p").unwrap();
    assert_eq!(s.content(), "/p=7");
    s.fsck();
}

#[test]
fn a_removed_path_keeps_its_versions() {
    let s = Scratch::new();
    for n in [1, 2, 1, 3] {
        s.put("p", n);
    }
    s.remove("p");
    s.put("q", 1);
    assert_eq!(s.versions("p"), [1, 2, 3]);
    let audit = s.store.audit(&Revision::default(), &path("p")).unwrap();
    let subjects: Vec<_> = audit
        .iter()
        .map(|entry| entry.commit.message.as_str())
        .collect();
    assert_eq!(
        subjects,
        [
            "Remove /p",
            "Import /p",
            "Import /p",
            "Import /p",
            "Import /p"
        ]
    );
    assert_eq!(audit[0].hash, None);
    let oldest = s
        .store
        .version(&Revision::default(), &path("p"), 0)
        .unwrap();
    assert_eq!(
        s.git(&["rev-list", "--reverse", "main", "--", "p"])
            .lines()
            .next(),
        Some(&*oldest.commit.to_string())
    );
    assert_eq!(
        s.store
            .version(&Revision::default(), &path("p"), 3)
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
    assert_eq!(s.versions("never"), [0u32; 0]);
}

#[test]
fn a_merge_that_takes_one_side_is_not_a_version() {
    let s = Scratch::new();
    s.put("p", 1);
    s.branch("side");
    s.put_on(Some("side"), "p", 2);
    s.put("q", 3);
    s.merge(None, "side").unwrap();
    let audit = s.store.audit(&Revision::default(), &path("p")).unwrap();
    assert_eq!(
        audit.len(),
        2,
        "the merge commit itself changed nothing: {audit:?}"
    );
    // A merge whose value differs from both parents (an "evil merge") is a version.
    s.put("p", 4);
    let four = s.git(&["rev-parse", "main^{tree}"]);
    let evil = s.git(&[
        "commit-tree",
        "-m",
        "evil",
        "-p",
        "main~1",
        "-p",
        "side",
        four.trim(),
    ]);
    s.git(&["update-ref", "refs/heads/main", evil.trim()]);
    assert_eq!(s.versions("p"), [1, 2, 4]);
    assert_eq!(
        s.store.audit(&Revision::default(), &path("p")).unwrap()[0]
            .commit
            .id
            .to_string(),
        evil.trim()
    );
}

#[test]
fn versions_are_ordered_by_date_but_never_before_their_parents() {
    let s = Scratch::new();
    let fast_import = "\
blob\nmark :1\ndata 1\nA\nblob\nmark :2\ndata 1\nB\nblob\nmark :3\ndata 1\nC\n\
commit refs/heads/skew\nmark :11\ncommitter x <x@y> 3000 +0000\ndata 1\n1\nM 100644 :1 p\n\
commit refs/heads/skew\nmark :12\ncommitter x <x@y> 1000 +0000\ndata 1\n2\nfrom :11\nM 100644 :2 p\n\
commit refs/heads/other\nmark :13\ncommitter x <x@y> 2000 +0000\ndata 1\n3\nM 100644 :3 p\n\
commit refs/heads/skew\nmark :14\ncommitter x <x@y> 4000 +0000\ndata 1\n4\nfrom :12\nmerge :13\nM 100644 :2 p\n";
    crate::support::store::git_with_input(&s.root, &["fast-import", "--quiet"], fast_import);
    let at = Revision::Branch(Some(branch("skew")));
    let versions = s.store.versions(&at, &path("p")).unwrap();
    let letters: Vec<_> = versions
        .iter()
        .map(|v| s.store.bytes(v.hash).unwrap().to_vec())
        .collect();
    // The side commit of 2000 comes first: the commit dated 1000 cannot come before its parent of 3000.
    assert_eq!(letters, [b"C", b"A", b"B"]);
}
