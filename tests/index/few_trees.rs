//! A branch of which a few small trees name millions of paths, which another program has written directly.

use std::time::{Duration, Instant};

use wasmstore::names::{Digest, HashRef, ModuleRef};
use wasmstore::store::{DerivedFaults, Finding, Revision};

use crate::support::store::{Scratch, branch, git_with_input, module, path};

/// Creates a branch whose tree consists of `levels` trees, each of which contains the next one twice. Returns its commit.
fn doubling_branch(s: &Scratch, name: &str, levels: usize) -> String {
    let git = |args: &[&str], input: &[u8]| git_with_input(&s.root, args, input).trim().to_owned();
    let blob = git(&["hash-object", "-w", "--stdin"], &module(9));
    let mut entry = format!("100644 blob {blob}");
    for _ in 0..levels {
        let listing = ["a", "b"].map(|name| format!("{entry}\t{name}\n")).concat();
        let tree = git(&["mktree"], listing.as_bytes());
        entry = format!("040000 tree {tree}");
    }
    let tree = entry.rsplit(' ').next().unwrap();
    let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
    let commit_tree = ["commit-tree", "-p", "main", "-m", "few trees", tree];
    let commit = git(&[&identity[..], &commit_tree].concat(), b"");
    git(&["update-ref", &format!("refs/heads/{name}"), &commit], b"");
    commit
}

fn faults(s: &Scratch) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    let mut report = |finding| {
        if let Finding::Fault(fault) = finding {
            faults.push((fault.subject, fault.reason));
        }
    };
    s.store
        .verify(DerivedFaults::Report, &mut report, &mut || ())
        .unwrap();
    faults
}

#[test]
fn a_commit_with_millions_of_paths_in_few_trees_is_not_indexed() {
    let s = Scratch::new();
    s.put("a", 1);
    s.put("a", 2);
    let commit = doubling_branch(&s, "huge", 22);
    s.store
        .create_branch(&branch("other"), &Revision::default())
        .unwrap();
    s.put_on(Some("other"), "b", 3);
    let started = Instant::now();
    let of = |name: &str| Revision::Branch(Some(branch(name)));
    let reason = format!(
        "commit {commit} cannot be added to the version index: it changes 8388607 paths, which only 45 entries of trees name; \
         the limit for so few entries is 4194304 paths (--max-push-paths)"
    );
    for _ in 0..2 {
        let error = s.store.versions(&of("huge"), &path("a")).unwrap_err();
        assert_eq!(error.to_string(), reason);
    }
    // Its ancestors and the other branches are indexed, and an unknown digest is looked up on all branches.
    let versions = s.store.versions(&of("other"), &path("b")).unwrap();
    assert_eq!(versions.len(), 1);
    let unknown = ModuleRef::Hash(HashRef::Digest(Digest::from_bytes([7; 32])));
    assert!(!s.store.contains(&of("other"), &unknown).unwrap());
    let commits = s.git(&["rev-list", "--count", "main", "other"]);
    assert_eq!(s.store.reindex().unwrap().to_string(), commits.trim());
    assert_eq!(faults(&s), [("refs/heads/huge".to_owned(), reason.clone())]);
    assert!(started.elapsed() < Duration::from_secs(20));
    // A later commit on the branch depends on it.
    let blob = s.git(&["rev-parse", "main:a"]);
    let tree = git_with_input(
        &s.root,
        &["mktree"],
        format!("100644 blob {}\tb\n", blob.trim()),
    );
    let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
    let commit_tree = ["commit-tree", "-p", "huge", "-m", "one path", tree.trim()];
    let later = s.git(&[&identity[..], &commit_tree].concat());
    s.git(&["update-ref", "refs/heads/huge", later.trim()]);
    let error = s.store.versions(&of("huge"), &path("b")).unwrap_err();
    assert_eq!(error.to_string(), reason);
    assert_eq!(faults(&s).len(), 1);
}

/// Directories that occur at several paths are indexed as long as their paths are not very many.
#[test]
fn a_commit_with_many_paths_in_few_trees_is_indexed() {
    let s = Scratch::new();
    s.put("a", 1);
    doubling_branch(&s, "large", 16);
    let of = Revision::Branch(Some(branch("large")));
    let at = path(&["a"; 16].join("/"));
    assert_eq!(s.store.versions(&of, &at).unwrap().len(), 1);
    assert_eq!(faults(&s), []);
}
