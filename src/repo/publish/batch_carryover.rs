//! What was published a moment ago stays in memory: the next change is judged on it, and it is what is read next. Its pack is new,
//! and to find a new pack gix looks at every file of every pack again.

use std::collections::HashSet;
use std::sync::Arc;

use gix::odb::memory::Storage;

use crate::repo::error::{Error, Result};
use crate::repo::history::commit::decode;
use crate::repo::ids::commit_id;
use crate::repo::lifecycle::open::Repository;
use crate::repo::objects::cache::Caches;
use crate::repo::packs::staged::Staged;
use crate::repo::publish::write_txn::Objects;

/// How many bytes of trees and commits are kept from one batch to the next.
const BYTES_MAX: usize = 16 << 20;

/// Commits and trees that were written, durably, by this process.
pub(crate) struct Recent {
    objects: Storage,
    settled: HashSet<gix::ObjectId>,
    opening: u64,
}

impl Repository {
    /// Takes up again what the last batch left, unless objects were deleted since.
    pub(crate) fn recall(&self, objects: &mut Objects, recent: Option<Recent>) {
        if let Some(recent) = recent.filter(|recent| recent.opening == objects.handles.opening()) {
            objects.handles.set_memory(recent.objects);
            objects.settled = recent.settled;
        }
    }
}

impl Recent {
    /// What the next batch may take up; `None` if it is too much.
    pub(crate) fn of(mut objects: Objects) -> Option<Self> {
        let memory = objects.handles.take_memory();
        let size_bytes: usize = memory.values().map(|(_, bytes)| bytes.len()).sum();
        (size_bytes <= BYTES_MAX).then_some(Self {
            objects: memory,
            settled: objects.settled,
            opening: objects.handles.opening(),
        })
    }
}

impl Caches {
    /// Keeps new trees and commits as they are.
    pub(crate) fn remember_raw(&self, memory: &Storage, new: &Staged) {
        for id in new.ids() {
            if let Some((_, bytes)) = memory.get(&id) {
                self.recent.insert(id, Arc::new(bytes.clone()));
            }
        }
    }

    /// Keeps a commit, and those of its trees that are new with it, for the readers who are going to ask for them.
    pub(crate) fn remember(
        &self,
        memory: &Storage,
        new: &Staged,
        commit: gix::ObjectId,
    ) -> Result<()> {
        let failed = || Error::database(format!("understand commit {commit}"));
        let Some((_, bytes)) = memory.get(&commit) else {
            return Ok(());
        };
        let decoded = gix::objs::CommitRef::from_bytes(bytes, commit.kind()).map_err(failed())?;
        let mut todo = vec![decoded.tree()];
        let id = commit_id(&commit);
        self.commits.insert(id, Arc::new(decode(id, &decoded)?));
        while let Some(id) = todo.pop() {
            let Some((_, bytes)) = memory.get(&id).filter(|_| new.contains(&id)) else {
                continue;
            };
            let tree = gix::objs::TreeRef::from_bytes(bytes, id.kind()).map_err(failed())?;
            let tree = gix::objs::Tree::from(tree);
            let folders = tree.entries.iter().filter(|entry| entry.mode.is_tree());
            todo.extend(folders.map(|entry| entry.oid));
            self.trees.insert(id, Arc::new(tree));
        }
        Ok(())
    }
}
