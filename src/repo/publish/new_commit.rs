//! Stages a new commit and its new trees: adds them to the objects in memory that the pack of the batch will contain.

use gix::odb::memory::Storage;

use crate::repo::error::{Error, Result};
use crate::repo::objects::commit::{NewCommit, encode};
use crate::repo::publish::decision::Decision;
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::tree::encoded::entries;

impl WriteTxn<'_> {
    /// Carries out a decision: adds a new commit to the objects of the batch's pack, or makes an existing commit durable. Returns the new
    /// tip of the ref; `None` if the ref does not move. `written` lists the new trees, as for [`Self::stage_commit`].
    pub(crate) fn carry_out(
        &mut self,
        tip: Option<gix::ObjectId>,
        decision: Decision,
        written: &[gix::ObjectId],
    ) -> Result<Option<gix::ObjectId>> {
        match decision {
            Decision::Unchanged => Ok(None),
            Decision::FastForward(commit) => self.sync_history_of(commit).map(Some),
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
                self.stage_commit(&commit, written).map(Some)
            }
            Decision::Commit {
                tree,
                more_parents,
                author,
                message,
            } => {
                let mut parents: Vec<_> = tip.into_iter().collect();
                for parent in more_parents {
                    parents.push(self.sync_history_of(parent)?);
                }
                let author = &author;
                let commit = NewCommit {
                    tree: tree.0,
                    parents,
                    author,
                    message,
                };
                self.stage_commit(&commit, written).map(Some)
            }
        }
    }

    /// Encodes a commit, and adds it and its new trees to the objects of the next pack. Returns the commit's id. If the last of `written`
    /// is the commit's tree, `written` must list all new trees, each after the trees below it. Otherwise, this function searches the
    /// commit's tree for new trees.
    pub(crate) fn stage_commit(
        &mut self,
        commit: &NewCommit<'_>,
        written: &[gix::ObjectId],
    ) -> Result<gix::ObjectId> {
        self.stage_encoded_commit(&encode(commit)?, commit.tree, written)
    }

    /// Adds an encoded commit like [`Self::stage_commit`].
    pub(crate) fn stage_encoded_commit(
        &mut self,
        bytes: &[u8],
        tree: gix::ObjectId,
        written: &[gix::ObjectId],
    ) -> Result<gix::ObjectId> {
        self.stage_new_trees(tree, written)?;
        let kind = gix::objs::Kind::Commit;
        // Also keeps the commit in the memory of the handle, because the next change of the batch is decided on it.
        let id = gix::objs::Write::write_buf(&self.repo().objects, kind, bytes)
            .map_err(Error::database("keep a commit in memory"))?;
        self.stage_new(id, kind, bytes)?;
        Ok(id)
    }

    /// Adds a tree that was built in memory, and the new trees below it, to the objects of the next pack. Skips trees that were added
    /// before or are in a durable pack.
    fn stage_new_trees(&mut self, root: gix::ObjectId, written: &[gix::ObjectId]) -> Result<()> {
        let memory = self.objects.handles.take_memory();
        let staged = if written.last() == Some(&root) {
            self.stage_written(&memory, written)
        } else {
            self.stage_trees(&memory, root)
        };
        // Puts the memory back even after an error: without it, the handle would write objects to the disk.
        self.objects.handles.set_memory(memory);
        staged
    }

    fn stage_written(&mut self, memory: &Storage, written: &[gix::ObjectId]) -> Result<()> {
        for id in written {
            if let Some((kind, bytes)) = memory.get(id)
                && !self.objects.staged.contains(id)
                && !self.objects.durable.contains(id)
            {
                self.stage_new(*id, *kind, bytes)?;
            }
        }
        Ok(())
    }

    /// Searches the tree `root` for new trees, and adds them to the objects of the next pack. Adds children before their parents, so that
    /// after an error no tree in the next pack names an object that does not exist.
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
            for entry in entries(bytes, id.kind()) {
                let entry = entry?;
                if entry.is_directory() {
                    todo.push(entry.id());
                }
            }
        }
        for (id, kind, bytes) in trees.into_iter().rev() {
            self.stage_new(id, kind, bytes)?;
        }
        Ok(())
    }
}
