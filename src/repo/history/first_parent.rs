//! The first-parent history from one commit to a later one.

use crate::names::CommitId;
use crate::repo::error::Result;
use crate::repo::objects::commit::read_linked;
use crate::repo::objects::db::ObjectDb;

/// The maximum number of marks (see [`FirstParentHistory`]) of a history. If a history would have more, every other mark is dropped.
const MARKS_MAX: usize = 4096;

/// The commits of a first-parent history, oldest first. To limit the memory for long histories, it does not contain all ids, but
/// only *marks*, which are commits at equal distances, and the *segment* of commits up to the next mark.
#[derive(Clone, Debug)]
pub struct FirstParentHistory {
    /// The parent of the oldest commit of the next segment; `None` if the next segment starts with the root commit.
    start: Option<CommitId>,
    /// Commits at equal distances, newest first. Each is the newest commit of its segment.
    marks: Vec<CommitId>,
    /// The commits of the current segment that were not returned yet, newest first.
    segment: Vec<CommitId>,
}

impl ObjectDb {
    /// Returns the first-parent history from `start`, which is excluded, to `tip`; `None` if the first-parent history of `tip` does
    /// not contain `start`. Without `start`, returns the whole history from its root.
    pub fn first_parent_history(
        &self,
        start: Option<CommitId>,
        tip: CommitId,
    ) -> Result<Option<FirstParentHistory>> {
        self.marked_history(start, tip, MARKS_MAX)
    }

    fn marked_history(
        &self,
        start: Option<CommitId>,
        tip: CommitId,
        marks_max: usize,
    ) -> Result<Option<FirstParentHistory>> {
        let repo = self.handle_for(tip)?;
        let (mut marks, mut distance) = (Vec::new(), 1);
        let (mut next, mut walked) = (Some(tip), 0_usize);
        while next != start {
            let Some(commit) = next else { return Ok(None) };
            if walked.is_multiple_of(distance) {
                marks.push(commit);
            }
            // Drops every other mark, so that their number stays bounded.
            if marks.len() > marks_max {
                let mut keep = false;
                marks.retain(|_| {
                    keep = !keep;
                    keep
                });
                distance *= 2;
            }
            next = first_parent(&repo, commit)?;
            walked += 1;
        }
        Ok(Some(FirstParentHistory {
            start,
            marks,
            segment: Vec::new(),
        }))
    }
}

impl FirstParentHistory {
    /// Removes and returns the oldest remaining commit; `None` at the end of the history.
    pub fn next(&mut self, objects: &ObjectDb) -> Result<Option<CommitId>> {
        if self.segment.is_empty() {
            let Some(mark) = self.marks.last().copied() else {
                return Ok(None);
            };
            let repo = objects.handle_for(mark)?;
            let mut next = Some(mark);
            while let Some(commit) = next.filter(|_| next != self.start) {
                self.segment.push(commit);
                next = first_parent(&repo, commit)?;
            }
            self.start = self.marks.pop();
        }
        Ok(self.segment.pop())
    }
}

fn first_parent(repo: &gix::Repository, id: CommitId) -> Result<Option<CommitId>> {
    Ok(read_linked(repo, id)?.parents.first().copied())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::repo::{ObjectFormat, Repository};

    #[test]
    fn a_history_of_any_length_is_complete_with_few_marks() {
        let (dir, repo) = Repository::temporary(ObjectFormat::Sha1);
        let root = dir.path();
        let git = |args: &[&str]| {
            let mut git = Command::new("git");
            let git = git.arg("--git-dir").arg(root).args(args);
            let git = git.env("GIT_CONFIG_GLOBAL", "/dev/null");
            let git = git.envs(["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"].map(|name| (name, "a")));
            let git = git.envs(["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"].map(|name| (name, "a")));
            let output = git.stderr(Stdio::inherit()).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let root_commit = git(&["rev-parse", "main"]);
        let mut ids: Vec<CommitId> = vec![root_commit.parse().unwrap()];
        for _ in 0..50 {
            let parent = ids.last().unwrap().to_string();
            let commit = git(&["commit-tree", "-m", "x", "-p", &parent, "main^{tree}"]);
            ids.push(commit.parse().unwrap());
        }
        let tip = *ids.last().unwrap();
        for marks_max in [1, 2, 3, 7, 49, 50, 51, 100] {
            for start in [0, 1, 30, 49, 50] {
                let history = repo
                    .objects()
                    .marked_history(Some(ids[start]), tip, marks_max)
                    .unwrap();
                let mut history = history.unwrap();
                assert!(history.marks.len() <= marks_max);
                let commits = std::iter::from_fn(|| history.next(repo.objects()).unwrap());
                assert_eq!(commits.collect::<Vec<_>>(), ids[start + 1..], "{marks_max}");
            }
            let mut whole = repo
                .objects()
                .marked_history(None, tip, marks_max)
                .unwrap()
                .unwrap();
            let commits = std::iter::from_fn(|| whole.next(repo.objects()).unwrap());
            assert_eq!(commits.collect::<Vec<_>>(), ids);
        }
        assert!(
            repo.objects()
                .first_parent_history(Some(tip), ids[3])
                .unwrap()
                .is_none()
        );
    }
}
