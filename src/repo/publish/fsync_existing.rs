//! Fsyncs existing objects before a new commit or ref may reach them.
//!
//! An existing object may never have been fsynced: stock git and gix do not fsync by default. So every existing object that a new commit
//! names is fsynced here, whichever program wrote it, unless a tip that is known to be durable reaches the object.

use std::collections::{HashMap, HashSet};

use crate::names::{CommitId, RefName};
use crate::repo::error::{Error, Result};
use crate::repo::history::walk::commits_beyond;
use crate::repo::ids::{commit_id, object_id};
use crate::repo::objects::commit::read_linked;
use crate::repo::objects::copies::{StoredState, check_stored, other_bytes};
use crate::repo::objects::find;
use crate::repo::objects::loose::SyncedObject;
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::refs::lock::HEAD;
use crate::repo::refs::read::read_tip;
use crate::repo::tree::reader::load;

/// The number of visited trees of earlier commits that are remembered, which limits the memory for a long history.
const VISITED_MAX: usize = 1 << 18;

/// The visited trees, each with its base: the tree whose entries the visit skips. Few trees may have very many paths, so a tree is visited
/// only once with the same base. With another base, it is visited again, because two trees may be each other's base: then both visits skip
/// the entries that the trees share, and only a visit with another base fsyncs these entries.
type VisitedTrees = HashSet<(gix::ObjectId, Option<gix::ObjectId>)>;

impl WriteTxn<'_> {
    /// Returns the tip of a branch or of `refs/oci/records`. Before that, makes the ref and everything that the tip reaches durable. If the
    /// ref does not exist, makes its absence durable and returns `None`. The caller must hold `refs.lock`.
    pub(crate) fn durable_tip(&mut self, name: &RefName) -> Result<Option<gix::ObjectId>> {
        let refs = &self.parts.refs;
        let full_name = name.to_string();
        let loose = refs
            .loose_ref(&full_name)
            .and_then(|tip| object_id(self.repo(), tip.as_bytes()));
        let tip = match loose {
            Some(tip) => Some(tip),
            None => read_tip(self.repo(), &full_name)?,
        };
        let Some(tip) = tip else {
            if !self.is_shared() {
                refs.sync_ref(&full_name)?;
            }
            return Ok(None);
        };
        // If several machines share the repository, every local ref is a copy of the shared state, which is durable.
        if self.is_shared() {
            return Ok(Some(tip));
        }
        if !refs.durable_tips.contains(name, tip) {
            if !refs.durable_tips.is_noted(name, tip) {
                self.sync_existing_history([tip])?;
                self.objects.loose.sync()?;
            }
            refs.sync_ref(&full_name)?;
            refs.sync_head()?;
            refs.durable_tips.insert(name, tip);
        }
        Ok(Some(tip))
    }

    /// Makes an existing commit, and everything that it reaches, durable. Returns its id.
    pub(crate) fn sync_history_of(&mut self, commit: CommitId) -> Result<gix::ObjectId> {
        let id = object_id(self.repo(), commit.as_bytes()).ok_or(Error::UnknownCommit(commit))?;
        self.sync_existing_history([id])?;
        Ok(id)
    }

    /// Fsyncs the commits, trees and blobs that `tips` reach, except the objects that a tip known to be durable reaches.
    pub(crate) fn sync_existing_history(
        &mut self,
        tips: impl IntoIterator<Item = gix::ObjectId>,
    ) -> Result<()> {
        let durable = self.durable_ids()?;
        let tips = tips.into_iter().filter(|tip| !durable.contains(tip));
        let tips: Vec<_> = tips.collect();
        if tips.is_empty() {
            return Ok(());
        }
        self.parts.packs.forget_deleted()?;
        let fresh = self.parts.objects.handle_for(HEAD)?;
        // Skips a recorded tip that does not exist any more.
        let exists = |tip: &gix::ObjectId| find::exists(&fresh, tip);
        let mut visited = VisitedTrees::new();
        for new in commits_beyond(&fresh, tips, durable.into_iter().filter(exists))? {
            let (id, _) = new?;
            let commit = read_linked(&fresh, commit_id(&id))?;
            self.sync_existing_if_loose(&fresh, id)?;
            let base = commit
                .parents
                .first()
                .map(|parent| read_linked(&fresh, *parent))
                .transpose()?
                .map(|parent| parent.tree.0);
            if visited.len() > VISITED_MAX {
                visited.clear();
            }
            self.sync_existing_tree(&fresh, commit.tree.0, base, &mut visited)?;
        }
        if self.is_shared() {
            return Ok(());
        }
        self.parts.packs.sync_all()
    }

    /// Returns the ids of commits and tags that are known to be durable. Everything that they reach is durable, too.
    fn durable_ids(&self) -> Result<HashSet<gix::ObjectId>> {
        if !self.is_shared() {
            return Ok(self.parts.refs.durable_tips.noted());
        }
        // Does not use the local refs, because some of them may not be part of the shared state.
        let state = self.parts.following.lock().applied.clone();
        let refs = state.iter().flat_map(|state| state.refs.iter());
        refs.map(|(_, id)| self.object_id(id)).collect()
    }

    /// Fsyncs a tree and everything below it, except the entries that the tree `base` has at the same path.
    fn sync_existing_tree(
        &mut self,
        fresh: &gix::Repository,
        tree: gix::ObjectId,
        base: Option<gix::ObjectId>,
        visited: &mut VisitedTrees,
    ) -> Result<()> {
        let mut todo = vec![(tree, base)];
        while let Some((id, base)) = todo.pop() {
            if id.is_empty_tree() || Some(id) == base || !visited.insert((id, base)) {
                continue;
            }
            self.sync_existing_if_loose(fresh, id)?;
            let base_tree = base.map(|base| load(fresh, base)).transpose()?;
            let base_entries: HashMap<_, _> = base_tree
                .iter()
                .flat_map(|tree| &tree.entries)
                .map(|entry| (&entry.filename, entry))
                .collect();
            for entry in load(fresh, id)?.entries {
                let before = base_entries
                    .get(&entry.filename)
                    .filter(|before| before.mode.is_tree() == entry.mode.is_tree())
                    .map(|before| before.oid);
                if entry.mode.is_tree() {
                    todo.push((entry.oid, before));
                } else if !entry.mode.is_commit() && before != Some(entry.oid) {
                    self.sync_existing_if_loose(fresh, entry.oid)?;
                }
            }
        }
        Ok(())
    }

    /// Decides whether a change may rely on the stored object with this id, if there is one: hashes its bytes, and makes it durable. If the
    /// object is `Damaged` or `Absent`, the caller stores it. The new copy of a damaged object must be a loose one, because readers find it
    /// even if the change turns out to have no effect.
    ///
    /// # Errors
    /// Readers get other bytes than those of the object, and a new copy would not change that.
    pub(crate) fn rely_on_stored(&mut self, id: gix::ObjectId) -> Result<SyncedObject> {
        if !self.seems_stored(&id) {
            return Ok(SyncedObject::Absent);
        }
        match check_stored(self.objects.handles.without_refresh(), &id)? {
            StoredState::Intact if self.sync_object_for_change(id)? => Ok(SyncedObject::Durable),
            StoredState::Intact | StoredState::Absent => Ok(SyncedObject::Absent),
            StoredState::Damaged => {
                tracing::warn!(%id, "an object is damaged; storing it again");
                Ok(SyncedObject::Damaged)
            }
            StoredState::Other => Err(other_bytes(&id)),
        }
    }

    /// Fsyncs an existing object. If several machines share the repository, adds it to the next swap instead. Returns false if the object
    /// does not exist or is damaged.
    pub(crate) fn sync_existing_object(&mut self, id: gix::ObjectId) -> Result<bool> {
        if self.is_shared() {
            return self.share_existing_object(id);
        }
        match self.objects.loose.sync_existing(&id)? {
            SyncedObject::Durable => return Ok(true),
            SyncedObject::Damaged => return Ok(false),
            SyncedObject::Absent => {}
        }
        self.parts.packs.forget_deleted()?;
        let fresh = self.parts.objects.handle_for(id)?;
        let exists = find::exists(&fresh, &id);
        if exists {
            self.parts.packs.sync_all()?;
        }
        Ok(exists)
    }

    /// Fsyncs an existing object if it is loose. Otherwise, the handle `fresh` must find it in a pack, and the caller must fsync the packs.
    ///
    /// # Errors
    /// `Missing` if the object does not exist or is damaged.
    fn sync_existing_if_loose(&mut self, fresh: &gix::Repository, id: gix::ObjectId) -> Result<()> {
        if self.is_shared() {
            let exists = self.share_existing_object(id)?;
            return exists
                .then_some(())
                .ok_or_else(|| Error::Missing { id: id.to_string() });
        }
        let exists = match self.objects.loose.sync_existing(&id)? {
            SyncedObject::Durable => true,
            SyncedObject::Damaged => false,
            SyncedObject::Absent => find::exists(fresh, &id),
        };
        if exists {
            Ok(())
        } else {
            Err(Error::Missing { id: id.to_string() })
        }
    }
}

#[cfg(test)]
mod tests;
