//! Lists the commits that changed something below a directory.

use super::after_commit::AfterCommit;
use super::error::Result;
use super::open::Store;
use super::revision::Revision;
use crate::names::{CommitId, ModulePath};
use crate::repo::{Commit, TreeNode};

impl Store {
    /// Returns whether a request for the log of `path` means the log of a directory. This is so if the tree of `revision` has a directory
    /// at the path, or if it has nothing there and the path never was a module.
    pub fn has_directory_log(&self, revision: &Revision, path: &ModulePath) -> Result<bool> {
        let node = self.read(revision, |resolved| match resolved.tree {
            Some(tree) => Ok(self.repo.objects().node(tree, path.as_tree_path())?),
            None => Ok(None),
        })?;
        match node {
            Some(TreeNode::Directory(_)) => Ok(true),
            Some(TreeNode::Module(_)) => Ok(false),
            Some(TreeNode::Foreign) | None => Ok(self.own_changes(revision, path)?.is_empty()),
        }
    }

    /// Calls `visit` for the commits reachable from `revision`, newest first, starting with the first one after the commit `after`, until
    /// `visit` returns `false`. For a commit that changed, added or removed a module below the directory at `path`, passes the commit
    /// itself; for any other commit, passes only its id. Like [`audit`](Self::audit), reports a change for the commit that made it, and not
    /// again for a merge of this commit. Visits no commit if there never was a module below the directory. Pass a revision that
    /// [`as_of`](Self::as_of) resolved.
    ///
    /// Finds the commits by walking the history. The index could list them, too, but only all of them at once, which takes seconds for a
    /// large directory.
    ///
    /// # Errors
    /// `after` is not one of the visited commits.
    pub fn log_directory_after(
        &self,
        revision: &Revision,
        path: &ModulePath,
        after: Option<CommitId>,
        mut visit: impl FnMut(CommitId, Option<Commit>) -> bool,
    ) -> Result<()> {
        let mut selection = AfterCommit::new(after);
        let directory = path.as_tree_path();
        let tip = self.read(revision, |resolved| match resolved.commit {
            Some(tip) => self.query_index(tip, |index| {
                Ok(index.has_paths_below(directory)?.then_some(tip))
            }),
            None => Ok(None),
        })?;
        let Some(tip) = tip else {
            return selection.finish();
        };
        let objects = self.repo.objects();
        let mut changes = objects.directory_changes(directory.clone());
        let mut failed = None;
        objects.log(tip, |commit| {
            if !selection.selects(commit.id) {
                return true;
            }
            match changes.is_change(&commit) {
                Ok(true) => visit(commit.id, Some(commit)),
                Ok(false) => visit(commit.id, None),
                Err(error) => {
                    failed = Some(error);
                    false
                }
            }
        })?;
        match failed {
            Some(error) => Err(error.into()),
            None => selection.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;
    use crate::names::BranchName;
    use crate::store::{Change, DirectoryRemoval, ObjectFormat};

    /// Returns the ids of all visited commits, and the ids of the commits that changed the directory.
    fn visited(store: &Store, path: &str, after: Option<CommitId>) -> [Vec<CommitId>; 2] {
        let (mut all, mut changes) = (Vec::new(), Vec::new());
        let logged = store.as_of(&Revision::default(), |revision| {
            store.log_directory_after(revision, &path.parse().unwrap(), after, |id, commit| {
                all.push(id);
                changes.extend(commit.map(|commit| commit.id));
                true
            })
        });
        logged.unwrap();
        [all, changes]
    }

    fn put(store: &Store, branch: &str, path: &str, module: &str) -> CommitId {
        let change = Change {
            branch: Some(branch.parse().unwrap()),
            ..Change::default()
        };
        let module = wat::parse_str(module).unwrap();
        let path = path.parse().unwrap();
        let put = store.put(&change, &path, module.as_slice()).unwrap();
        put.commit.unwrap()
    }

    #[test]
    fn the_log_of_a_directory_lists_changes_but_no_merges() {
        let dir = tempfile::tempdir().unwrap();
        let store =
            Store::open_or_create(dir.path(), Options::default(), ObjectFormat::Sha1).unwrap();
        let root = store.snapshot(&Revision::default()).unwrap();
        let first = put(&store, "main", "d/a", "(module)");
        let side: BranchName = "side".parse().unwrap();
        store.create_branch(&side, &Revision::default()).unwrap();
        let on_side = put(&store, "side", "d/e/b", "(module)");
        let elsewhere = put(&store, "main", "x", "(module)");
        let second = put(&store, "main", "d/a", "(module (func))");
        let merge = store.merge(&Change::default(), &side).unwrap();
        let merge = merge.commit.unwrap();
        // The merge differs from both of its parents in /d, but changes no module.
        let [mut all, mut changes] = visited(&store, "d", None);
        assert_eq!(all[0], merge);
        let rest = all[1..].to_vec();
        assert_eq!(visited(&store, "d", Some(merge))[0], rest);
        all.sort();
        let mut expected = vec![root, first, on_side, elsewhere, second, merge];
        expected.sort();
        assert_eq!(all, expected);
        changes.sort();
        let mut expected = vec![first, on_side, second];
        expected.sort();
        assert_eq!(changes, expected);
        assert_eq!(visited(&store, "d/e", None)[1], [on_side]);
        let removed = store.remove(
            &Change::default(),
            &"d/e".parse().unwrap(),
            DirectoryRemoval::Recursive,
        );
        let removed = removed.unwrap().commit.unwrap();
        assert_eq!(visited(&store, "d/e", None)[1], [removed, on_side]);
        // Nothing was ever there: no commit is compared.
        assert_eq!(visited(&store, "none", None), [vec![], vec![]]);
    }
}
