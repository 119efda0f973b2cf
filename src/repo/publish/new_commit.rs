//! Staging a new commit and its new trees: they stay in memory until the pack of the batch is written.

use gix::odb::memory::Storage;

use crate::repo::error::{Error, Result};
use crate::repo::objects::commit::{NewCommit, encode};
use crate::repo::publish::decision::Decision;
use crate::repo::publish::write_txn::WriteTxn;

impl WriteTxn<'_> {
    /// Returns the commit that the branch moves to; `None` if it stays at `tip`. Adds a new commit to the objects of the batch's
    /// pack; makes an existing commit durable.
    pub(crate) fn carry_out(
        &mut self,
        tip: Option<gix::ObjectId>,
        decision: Decision,
    ) -> Result<Option<gix::ObjectId>> {
        match decision {
            Decision::Unchanged => Ok(None),
            Decision::FastForward(commit) => self.adopt_named_commit(commit).map(Some),
            Decision::Root {
                tree,
                author,
                message,
            } => {
                let commit = NewCommit {
                    tree: tree.0,
                    parents: Vec::new(),
                    author: &author,
                    message,
                };
                self.stage_commit(&commit).map(Some)
            }
            Decision::Commit {
                tree,
                more_parents,
                author,
                message,
            } => {
                let mut parents: Vec<_> = tip.into_iter().collect();
                for parent in more_parents {
                    parents.push(self.adopt_named_commit(parent)?);
                }
                let author = &author;
                self.stage_commit(&NewCommit {
                    tree: tree.0,
                    parents,
                    author,
                    message,
                })
                .map(Some)
            }
        }
    }

    /// Encodes the commit, and adds it and its new trees to the objects that the next pack will contain. Returns the commit's id.
    pub(crate) fn stage_commit(&mut self, commit: &NewCommit<'_>) -> Result<gix::ObjectId> {
        self.stage_new_trees(commit.tree)?;
        let (kind, bytes) = (gix::objs::Kind::Commit, encode(commit)?);
        // The commit is also kept in the handle's memory, because the next change of the batch is decided on it.
        let id = gix::objs::Write::write_buf(&self.repo().objects, kind, &bytes)
            .map_err(Error::database("keep a commit in memory"))?;
        self.stage_new(id, kind, &bytes)?;
        Ok(id)
    }

    /// Adds a tree that was built in memory, and the trees below it, to the objects of the next pack. Skips trees that were added
    /// before or are in a durable pack.
    fn stage_new_trees(&mut self, root: gix::ObjectId) -> Result<()> {
        let memory = self.objects.handles.take_memory();
        let staged = self.stage_trees(&memory, root);
        // The memory is put back even after an error, because without it the handle would write to the disk.
        self.objects.handles.set_memory(memory);
        staged
    }

    /// Adds children before their parents: if adding one fails, no tree in the next pack names an object that does not exist.
    fn stage_trees(&mut self, memory: &Storage, root: gix::ObjectId) -> Result<()> {
        let mut trees = Vec::new();
        let mut todo = vec![root];
        while let Some(id) = todo.pop() {
            let Some((kind, bytes)) = memory.get(&id) else {
                continue;
            };
            if self.objects.staged.contains(&id) || self.objects.durable.contains(&id) {
                continue;
            }
            trees.push((id, *kind, bytes));
            let tree = gix::objs::TreeRefIter::from_bytes(bytes, id.kind());
            let entries = tree.filter_map(std::result::Result::ok);
            let subtrees = entries.filter(|entry| entry.mode.is_tree());
            todo.extend(subtrees.map(|entry| entry.oid.to_owned()));
        }
        for (id, kind, bytes) in trees.into_iter().rev() {
            self.stage_new(id, kind, bytes)?;
        }
        Ok(())
    }
}
