//! The objects of the last batch, kept in memory for the next change and the next readers. Otherwise they would be read from their new
//! pack, and gix would have to list and open all packs again.

use std::collections::HashSet;
use std::sync::Arc;

use gix::odb::memory::Storage;

use crate::repo::error::{Error, Result};
use crate::repo::following::BaseState;
use crate::repo::ids::commit_id;
use crate::repo::objects::cache::Caches;
use crate::repo::objects::commit::decode;
use crate::repo::packs::staged::StagedObjects;
use crate::repo::publish::write_txn::TxnObjects;

/// The maximum total size of the trees and commits that one batch of changes leaves in memory for the next batch, in bytes.
const BYTES_MAX: usize = 16 << 20;

/// Commits and trees that this process has written durably.
pub(crate) struct BatchCarryover {
    objects: Storage,
    durable: HashSet<gix::ObjectId>,
    reopen_count: u64,
    /// The shared state after the batch, if several machines share the repository.
    base: BaseState,
}

impl BatchCarryover {
    /// Takes the commits and trees of a finished batch. Returns `None` if they have more than [`BYTES_MAX`] bytes.
    pub(crate) fn take_from(mut objects: TxnObjects, base: BaseState) -> Option<Self> {
        let memory = objects.handles.take_memory();
        let size_bytes: usize = memory.values().map(|(_, bytes)| bytes.len()).sum();
        (size_bytes <= BYTES_MAX).then_some(Self {
            objects: memory,
            durable: objects.durable,
            reopen_count: objects.handles.reopen_count(),
            base,
        })
    }

    /// Adds these commits and trees to `objects`, the objects of the next batch, unless a gc may have deleted some of them since the last
    /// batch. So does nothing if the repository was opened again since then, or, in a repository that several machines share, if the shared
    /// state has changed since then.
    pub(crate) fn add_to(self, objects: &mut TxnObjects, base: &BaseState) {
        if self.reopen_count == objects.handles.reopen_count() && self.base == *base {
            objects.handles.set_memory(self.objects);
            objects.durable = self.durable;
        }
    }
}

/// Adds the new trees and commits to the cache of encoded objects.
pub(crate) fn cache_encoded(caches: &Caches, memory: &Storage, new: &StagedObjects) {
    for id in new.ids() {
        if let Some((_, bytes)) = memory.get(&id) {
            caches.encoded.insert(id, Arc::new(bytes.clone()));
        }
    }
}

/// Adds `commit`, and the trees of `commit` that are in `new`, to the caches of decoded objects.
pub(crate) fn cache_decoded(
    caches: &Caches,
    memory: &Storage,
    new: &StagedObjects,
    commit: gix::ObjectId,
) -> Result<()> {
    let failed = || Error::database(format!("decode commit {commit}"));
    let Some((_, bytes)) = memory.get(&commit) else {
        return Ok(());
    };
    let decoded = decode(commit_id(&commit), bytes)?;
    let mut todo = vec![decoded.tree.0];
    caches.commits.insert(decoded.id, Arc::new(decoded));
    while let Some(id) = todo.pop() {
        let Some((_, bytes)) = memory.get(&id).filter(|_| new.contains(&id)) else {
            continue;
        };
        let tree = gix::objs::TreeRef::from_bytes(bytes, id.kind()).map_err(failed())?;
        let tree = gix::objs::Tree::from(tree);
        let subtrees = tree.entries.iter().filter(|entry| entry.mode.is_tree());
        todo.extend(subtrees.map(|entry| entry.oid));
        caches.trees.insert(id, Arc::new(tree));
    }
    Ok(())
}
