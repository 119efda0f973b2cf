//! Collecting what no ref reaches, beside readers and writers.
//!
//! 1. Unlocked: note the set K of packs and loose objects; pack all that will stay reachable, with deltas where git is there.
//! 2. Nobody writes: squash, read all refs again, copy what they newly reach from K, flush, delete K.
//!
//! Whatever is not in K waits for the next collection. Writers are kept out only while phase 2 lasts, which is proportional to
//! what changed since phase 1, and to the number of files that are deleted.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use super::commits::NewCommit;
use super::error::{Error, Result};
use super::open::{Repository, commit_id};
use super::packs::{Pack, remove_if_there, remove_packs};
use super::reach::reachable;
use super::ref_lock::OUTSIDE_MAX;
use super::squash::{self, Squash};
use super::writing::Writing;
use crate::git::Git;
use crate::names::{Author, BranchName, CommitId};

/// How old a half-written pack has to be to be nobody's any more: a git that packs writes on.
const LEFTOVER_AGE_MIN: Duration = Duration::from_secs(3600);

/// By how much the time of a file's change may be behind: the kernel's clock for it ticks.
const CLOCK_TICK_MAX: Duration = Duration::from_millis(20);

/// A collection that was asked for.
pub struct Collection<'a> {
    /// The branch whose own history is squashed to one commit with this author and message; `None` keeps all history.
    pub squash: Option<(&'a BranchName, &'a Author, &'a str)>,
}

/// What a collection did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// How many objects were removed.
    pub removed: usize,
    /// By how many bytes the store shrank.
    pub freed_bytes: u64,
    /// The squashed commit, if one was made.
    pub squashed: Option<CommitId>,
}

/// The set K: what may be deleted.
struct Candidates {
    packs: Vec<Pack>,
    loose: Vec<(gix::ObjectId, PathBuf)>,
    ids: HashSet<gix::ObjectId>,
    size_bytes: u64,
}

impl Repository {
    /// Removes every object that no ref reaches, and packs the rest.
    ///
    /// # Errors
    /// A backup or another collection runs; writers kept the store busy for a minute; I/O; what `judge` returns, which is asked
    /// once nobody else can move a ref. Nothing that a ref reaches is lost.
    pub fn collect<E: From<Error>>(
        &self,
        collection: &Collection<'_>,
        judge: impl FnOnce() -> Result<(), E>,
    ) -> Result<Collected, E> {
        self.check_collectable()?;
        let _backup = self.locks.backup()?;
        self.forget_deleted_packs()?;
        let repo = self.local_for("HEAD")?;
        let branch = collection
            .squash
            .map(|(branch, ..)| self.branch_or_default(Some(branch)));
        let branch = branch.transpose()?;
        let squash = collection.squash.zip(branch.as_ref());
        let collection = &Collection {
            squash: squash.map(|((_, author, message), branch)| (branch, author, message)),
        };
        let mut candidates = self.candidates(&repo)?;
        let planned = self.squash_of(&repo, collection)?;
        let packed = self.pack(&repo, &self.roots(planned.as_ref())?)?;
        if let Some(pack) = &packed {
            candidates.packs.retain(|candidate| candidate != pack);
        }

        tracing::debug!(objects = candidates.ids.len(), "packed what is reachable");
        let (lock, _refs) = self.locks.deleting()?;
        let held = Instant::now();
        judge()?;
        let squashed = self.write_squash(collection)?;
        let index = packed.as_ref().map(|pack| pack.index(repo.object_hash()));
        let index = index.transpose()?.flatten();
        let is_packed = |id: &gix::oid| {
            index
                .as_ref()
                .is_some_and(|index| index.lookup(id).is_some())
        };
        let squash = squashed.as_ref();
        let roots = self.roots(squash.map(|(squash, _)| squash))?;
        let roots = roots.into_iter().chain(squash.map(|(_, new)| *new));
        let mut copies = reachable(&repo, roots, &is_packed)?;
        copies.retain(|id| candidates.ids.contains(id));
        let copied = self.write_pack(&repo, &copies)?;
        // A pack is named by its content: the one just written may have been there before.
        candidates
            .packs
            .retain(|candidate| Some(candidate) != copied.as_ref());
        if let (Some((squash, new)), Some((branch, ..))) = (squash, collection.squash) {
            self.move_branch(branch, Some(squash.tip), Some(*new), OUTSIDE_MAX)?;
        }
        // What is deleted now must not be missed by a ref that a power cut brings back.
        self.flush_all_refs()?;
        self.forget_old_tips()?;
        lock.mark_collected()?;
        self.delete(&candidates)?;
        self.forget_collected(&lock)?;
        self.clear_files()?;
        tracing::info!(
            held_ms = held.elapsed().as_millis(),
            copied = copies.len(),
            "collected"
        );
        let copies: HashSet<_> = copies.into_iter().collect();
        candidates
            .ids
            .retain(|id| !is_packed(id) && !copies.contains(id));
        let kept: u64 = packed.iter().chain(&copied).map(Pack::size_bytes).sum();
        Ok(Collected {
            removed: candidates.ids.len(),
            freed_bytes: candidates.size_bytes.saturating_sub(kept),
            squashed: squashed.map(|(_, id)| commit_id(&id)),
        })
    }

    /// Refuses what holds on to objects in ways that are not looked at: work trees and reflogs.
    fn check_collectable(&self) -> Result<()> {
        for (folder, what) in [
            (
                "worktrees",
                "work trees; remove them with `git worktree remove`",
            ),
            (
                "logs/refs",
                "reflogs; switch them off with `git config core.logAllRefUpdates false` and remove ROOT/logs",
            ),
        ] {
            let folder = self.root().join(folder);
            if fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
                let reason = format!("gc would break its {what}");
                return Err(Error::NotAStore {
                    root: self.root().to_owned(),
                    reason,
                });
            }
        }
        Ok(())
    }

    fn squash_of(
        &self,
        repo: &gix::Repository,
        collection: &Collection<'_>,
    ) -> Result<Option<Squash>> {
        collection
            .squash
            .map_or(Ok(None), |(branch, ..)| squash::plan(self, repo, branch))
    }

    /// Writes the squashed commit, durable; no ref leads to it yet.
    fn write_squash(&self, collection: &Collection<'_>) -> Result<Option<(Squash, gix::ObjectId)>> {
        let mut writing = Writing::under(self, None)?;
        let planned = self.squash_of(writing.objects.handles.local(), collection)?;
        let (Some(squash), Some((branch, author, message))) = (planned, collection.squash) else {
            return Ok(None);
        };
        writing.durable_tip(branch)?;
        let parents = squash.parents.clone();
        let commit = NewCommit {
            tree: squash.tree.0,
            parents,
            author,
            message: message.to_owned(),
        };
        let id = writing.store_commit(&commit)?;
        writing.flush()?;
        Ok(Some((squash, id)))
    }

    /// What has to stay: every ref, but of a squashed branch only its tree and the squash's parents.
    fn roots(&self, squash: Option<&Squash>) -> Result<Vec<gix::ObjectId>> {
        let refs = self.refs_below("refs/")?.into_iter().map(|(_, id)| id);
        let mut roots: Vec<_> = refs.chain(self.detached_head()?).collect();
        if let Some(squash) = squash {
            roots.retain(|id| *id != squash.tip);
            roots.extend(&squash.parents);
            roots.push(squash.tree.0);
        }
        roots.sort_unstable();
        roots.dedup();
        Ok(roots)
    }

    fn pack(&self, repo: &gix::Repository, roots: &[gix::ObjectId]) -> Result<Option<Pack>> {
        let Some(git) = Git::find(self.root()) else {
            return self.write_pack(repo, &reachable(repo, roots.iter().copied(), &|_| false)?);
        };
        let prefix = self.gc_dir()?.join("new");
        let tips: Vec<_> = roots.iter().map(ToString::to_string).collect();
        let since = SystemTime::now() - CLOCK_TICK_MAX;
        let checksum = git.pack_objects(&tips, &prefix);
        let checksum = checksum.or_else(|error| {
            self.clear_pack_leftovers(|changed| changed >= since)
                .and(Err(error.into()))
        })?;
        checksum
            .map(|checksum| Pack::install(self.root(), &prefix, &checksum))
            .transpose()
    }

    fn candidates(&self, repo: &gix::Repository) -> Result<Candidates> {
        let packs = self.packs()?;
        let loose = self.loose()?;
        let mut ids: HashSet<_> = loose.iter().map(|(id, _)| *id).collect();
        for pack in &packs {
            if let Some(index) = pack.index(repo.object_hash())? {
                ids.extend(index.iter().map(|entry| entry.oid));
            }
        }
        let size = |path: &PathBuf| fs::metadata(path).map_or(0, |file| file.len());
        let size_bytes = packs
            .iter()
            .map(Pack::size_bytes)
            .chain(loose.iter().map(|(_, path)| size(path)))
            .sum();
        Ok(Candidates {
            packs,
            loose,
            ids,
            size_bytes,
        })
    }

    /// Every loose object.
    fn loose(&self) -> Result<Vec<(gix::ObjectId, PathBuf)>> {
        let mut loose = Vec::new();
        for first in 0..=255u8 {
            let folder = self.root().join(format!("objects/{first:02x}"));
            let Ok(entries) = fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries {
                let path = entry.map_err(Error::io("read", &folder))?.path();
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                if let Ok(id) = gix::ObjectId::from_hex(format!("{first:02x}{name}").as_bytes()) {
                    loose.push((id, path));
                }
            }
        }
        Ok(loose)
    }

    /// Deletes the candidates, and what would speak of objects that are gone.
    fn delete(&self, candidates: &Candidates) -> Result<()> {
        let objects = self.root().join("objects");
        remove_if_there(&objects.join("pack/multi-pack-index"))?;
        remove_if_there(&objects.join("info/commit-graph"))?;
        drop(fs::remove_dir_all(objects.join("info/commit-graphs")));
        remove_packs(self.root(), &candidates.packs)?;
        for (_, path) in &candidates.loose {
            remove_if_there(path)?;
        }
        let long_ago = SystemTime::now() - LEFTOVER_AGE_MIN;
        self.clear_pack_leftovers(|changed| changed < long_ago)?;
        self.clear_tmp()
    }
}
