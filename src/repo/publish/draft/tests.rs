use std::fs;
use std::process::Command;

use crate::names::{Author, BranchName, CommitId, ModulePath, TreePath};
use crate::repo::objects::spool::Spool;
use crate::repo::publish::decision::Decision;
use crate::repo::tree::merge::Merge;
use crate::repo::{Draft, Error, ObjectFormat, Repository};

struct Fixture {
    dir: tempfile::TempDir,
    repository: Repository,
}

impl Fixture {
    fn new() -> Self {
        let (dir, repository) = Repository::temporary(ObjectFormat::Sha1);
        Self { dir, repository }
    }

    /// Applies `change` to a draft of the branch, puts a module at `path`, and publishes both in one commit.
    fn publish(
        &self,
        branch: &str,
        path: &str,
        change: impl Fn(&mut Draft<'_>) -> Vec<CommitId>,
    ) -> CommitId {
        let branch = BranchName::parse(branch).unwrap();
        let path = ModulePath::parse(path).unwrap();
        let mut txn = self.repository.begin().unwrap();
        let mut spool = Spool::holding(path.as_str().as_bytes().to_vec());
        let module = txn.add_blob(&mut spool).unwrap();
        let published = self
            .repository
            .publish::<_, Error>(txn, Some(&branch), |draft| {
                let more_parents = change(draft);
                draft.set(&[(path.clone(), module)])?;
                let decision = Decision::Commit {
                    tree: draft.tree(),
                    more_parents,
                    author: Author::default(),
                    message: "Change".to_owned(),
                };
                Ok((decision, ()))
            });
        published.unwrap().commit.unwrap()
    }

    /// Asserts that `git fsck` finds every object.
    fn check(&self) {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.dir.path());
        let out = git.args(["fsck", "--strict", "--full"]).output().unwrap();
        assert!(out.status.success(), "{out:?}");
    }
}

/// Covers an edit after a merge: the edit writes only the directories on its own paths, and the merged directories must be published too.
#[test]
fn a_merge_followed_by_an_edit_publishes_the_merged_directories() {
    let fixture = Fixture::new();
    let base = fixture.publish("main", "d/e/base", |_| Vec::new());
    let next = fixture.dir.path().join("refs/heads/next");
    fs::write(next, format!("{base}\n")).unwrap();
    let theirs = fixture.publish("next", "d/e/theirs", |_| Vec::new());
    fixture.publish("main", "d/e/ours", |_| Vec::new());
    fixture.publish("main", "other/new", |draft| {
        assert_eq!(draft.merge(theirs).unwrap(), Merge::Merged);
        vec![theirs]
    });
    fixture.check();
}

#[test]
fn a_restored_tree_that_is_edited_is_published() {
    let fixture = Fixture::new();
    let old = fixture.publish("main", "d/e/old", |_| Vec::new());
    fixture.publish("main", "d/e/new", |_| Vec::new());
    fixture.publish("main", "other/new", |draft| {
        draft.restore(old, &TreePath::root()).unwrap();
        Vec::new()
    });
    fixture.check();
}
