//! Garbage collection in a repository that several machines share through a bucket.
//!
//! A gc replaces all packs of one generation by one pack of everything that the refs of that generation reach. One swap of the shared state
//! does this, and raises the floor. Then gc deletes the packs below the floor that the shared state no longer contains. The key of a pack
//! in the bucket is never used again. So a delayed deletion deletes nothing that is needed, and a delayed writer whose pack is below the
//! floor uploads the pack again.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gix::bstr::ByteSlice;

use crate::names::{BranchName, RefName};
use crate::repo::authority::{Freshness, PackFiles, RefUpdate, SharedState, Swap};
use crate::repo::error::{Result, chain};
use crate::repo::gc::candidates::{self, Candidates};
use crate::repo::gc::rewrite::RewrittenBranch;
use crate::repo::ids::shared_id;
use crate::repo::packs::pack::Pack;
use crate::repo::parts::Parts;

/// The minimum age of a pack that is deleted because the shared state does not contain it. A younger one may belong to a push whose refs
/// are about to be updated.
const REPLACED_AGE_MIN: Duration = Duration::from_secs(60);

/// Updates the local copy, and returns the state whose packs gc replaces. Returns `None` in a store on one disk.
pub(crate) fn begin(parts: &Parts) -> Result<Option<Arc<SharedState>>> {
    if !parts.authority.is_shared() {
        return Ok(None);
    }
    let _lock = parts.locks.writing()?;
    let _refs = parts.locks.refs()?;
    // Makes `catch_up` compare all refs, because gc takes its roots from the local refs.
    parts.doubt();
    parts.catch_up(Freshness::Current)?;
    Ok(parts.following.lock().applied.clone())
}

/// In the state that several machines share, replaces the packs that the earlier state `base` has by `packs`, and moves the branch whose
/// history was rewritten, if any. Returns false if another machine has changed the shared state first.
pub(crate) fn replace_packs<'p>(
    parts: &Parts,
    base: &SharedState,
    packs: impl Iterator<Item = &'p Pack>,
    rewritten: Option<(&BranchName, &RewrittenBranch)>,
) -> Result<bool> {
    let mut added: Vec<PackFiles> = packs.map(PackFiles::from).collect();
    let mut updates = Vec::new();
    if let Some((branch, rewritten)) = rewritten {
        added.extend(rewritten.packs.iter().map(PackFiles::from));
        updates.push(RefUpdate {
            name: RefName::from(branch.clone()),
            old: Some(shared_id(&rewritten.old_tip)),
            new: Some(shared_id(&rewritten.new_tip)),
        });
    }
    // Only removes packs that still have the same key. If another machine has added a pack again, it has another key.
    let now = Arc::clone(
        &parts
            .following
            .lock()
            .applied
            .as_ref()
            .map_or_else(Arc::default, |state| Arc::clone(&state.packs)),
    );
    let old = base.packs.iter().filter(|key| now.contains(key));
    let old = old.map(|key| key.checksum.clone());
    let is_kept = |checksum: &String| added.iter().any(|pack| pack.checksum == *checksum);
    let is_named = |pack: &PackFiles| {
        let mut packs = base.packs.iter();
        packs.any(|key| key.checksum == pack.checksum)
    };
    // Changes nothing, because there was no garbage.
    if updates.is_empty() && added.len() == base.packs.len() && added.iter().all(is_named) {
        return Ok(true);
    }
    let swap = Swap {
        updates,
        removed: old.filter(|checksum| !is_kept(checksum)).collect(),
        added,
        floor: Some(base.generation),
        ..Swap::default()
    };
    parts.swap(&swap)
}

/// Deletes packs from the bucket: those that the shared state does not contain and whose generation is below [`SharedState::floor`]. Only
/// logs a failure, because the next gc deletes them.
pub(crate) fn sweep(parts: &Parts) {
    match parts.authority.sweep() {
        Ok(0) => {}
        Ok(deleted) => tracing::info!(deleted, "deleted files from the bucket"),
        Err(error) => {
            tracing::warn!(error = chain(&error), "cannot delete packs from the bucket");
        }
    }
}

/// Deletes the local packs that the shared state no longer contains, if there are at least `count_min`.
pub(crate) fn delete_replaced(parts: &Parts, count_min: usize) -> Result<()> {
    if replaced(parts)?.len() < count_min {
        return Ok(());
    }
    // Does nothing while a backup, a gc or a verify runs, because each of them reads the existing packs.
    let Some(_backup) = parts.locks.try_backup()? else {
        return Ok(());
    };
    if has_unshared_refs(parts)? {
        return Ok(());
    }
    let (lock, _refs) = parts.locks.deleting()?;
    parts.catch_up(Freshness::LastSwap)?;
    let replaced = replaced(parts)?;
    tracing::debug!(
        packs = replaced.len(),
        "deleting packs that gc or a roll-up has replaced"
    );
    lock.mark_collected()?;
    candidates::delete(parts, &Candidates::of_packs(replaced))?;
    parts.objects.reopen_after_gc(lock.last_collected())
}

/// Lists the local packs that the shared state does not contain and that are older than `REPLACED_AGE_MIN`.
fn replaced(parts: &Parts) -> Result<Vec<Pack>> {
    let named = Arc::clone(&parts.following.lock().named);
    let long_ago = SystemTime::now() - REPLACED_AGE_MIN;
    let is_replaced = |pack: &Pack| {
        let changed = fs::metadata(pack.part("pack")).and_then(|file| file.modified());
        !named.contains(&pack.checksum()) && changed.is_ok_and(|changed| changed < long_ago)
    };
    let packs = parts.packs.list()?.into_iter();
    Ok(packs.filter(is_replaced).collect())
}

/// Returns whether the repository has refs that are not part of the shared state, such as `refs/notes`. They may need objects from packs
/// that the shared state does not contain.
fn has_unshared_refs(parts: &Parts) -> Result<bool> {
    let list = parts.refs.list("refs/")?;
    let is_shared = |name: &str| RefName::parse(name).is_ok();
    let mut refs = list.refs.iter();
    Ok(refs.any(|(name, _)| !name.to_str().is_ok_and(is_shared)))
}
