//! Staging a new commit and its new trees for the pack of a batch.

use gix::odb::memory::Storage;

use crate::repo::error::{Error, Result};
use crate::repo::objects::commit::{NewCommit, encode};
use crate::repo::publish::decision::Decision;
use crate::repo::publish::write_txn::WriteTxn;

impl WriteTxn<'_> {
    /// Returns the commit that the branch moves to; `None` if it stays at `tip`. A new commit is staged, an existing one made
    /// durable.
    pub(crate) fn carry_out(
        &mut self,
        tip: Option<gix::ObjectId>,
        decision: Decision,
    ) -> Result<Option<gix::ObjectId>> {
        match decision {
            Decision::Unchanged => Ok(None),
            Decision::FastForward(commit) => self.adopt_named_commit(commit).map(Some),
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

    /// Stages the commit, and those of its trees that are new.
    pub(crate) fn stage_commit(&mut self, commit: &NewCommit<'_>) -> Result<gix::ObjectId> {
        self.stage_new_trees(commit.tree)?;
        let (kind, bytes) = (gix::objs::Kind::Commit, encode(commit)?);
        // Also in memory: the next change of the batch is decided on it.
        let id = gix::objs::Write::write_buf(&self.repo().objects, kind, &bytes)
            .map_err(Error::database("keep a commit in memory"))?;
        self.stage_new(id, kind, &bytes)?;
        Ok(id)
    }

    /// Stages a tree that was built in memory, and the trees below it. Trees that are stored already are skipped.
    fn stage_new_trees(&mut self, root: gix::ObjectId) -> Result<()> {
        let memory = self.objects.handles.take_memory();
        let staged = self.stage_trees(&memory, root);
        // Even after an error: without its memory the handle would write to the disk.
        self.objects.handles.set_memory(memory);
        staged
    }

    /// Stages children before their parents: if one fails, no staged tree names an object that does not exist.
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
