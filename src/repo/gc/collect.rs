//! Collecting what no ref reaches, beside readers and writers.
//!
//! 1. Unlocked: note the set K of packs and loose objects; pack all that will stay reachable, with deltas where git is there.
//! 2. Nobody writes: squash, read all refs again, copy what they newly reach from K, flush, delete K.
//! 3. Unlocked: have git write a commit-graph, where it is there.
//!
//! Whatever is not in K waits for the next collection. Writers are kept out only while phase 2 lasts, which is proportional to
//! what changed since phase 1, and to the number of files that are deleted.

use std::collections::HashSet;
use std::fs;
use std::time::{Duration, Instant, SystemTime};

use crate::git::Git;
use crate::names::{Author, BranchName, CommitId};
use crate::repo::error::{Error, Result};
use crate::repo::gc::candidates::{self, Candidates};
use crate::repo::gc::commit_graph::write_commit_graph;
use crate::repo::gc::squash::{self, Squash};
use crate::repo::history::reach::reachable;
use crate::repo::ids::commit_id;
use crate::repo::lifecycle::scratch_dirs::{clear_files, gc_dir};
use crate::repo::locks::Guard;
use crate::repo::objects::commit::NewCommit;
use crate::repo::packs::pack::Pack;
use crate::repo::parts::Parts;
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::refs::lock::OUTSIDE_MAX;

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

/// The pack of what stays, as of phase 1.
struct Packed {
    pack: Option<Pack>,
    index: Option<gix_pack::index::File>,
}

impl Packed {
    fn has(&self, id: &gix::oid) -> bool {
        let index = self.index.as_ref();
        index.is_some_and(|index| index.lookup(id).is_some())
    }
}

/// A squashed commit that was written, and what it stands for.
struct Squashed {
    plan: Squash,
    id: gix::ObjectId,
}

/// A collection in one repository.
pub(crate) struct Collector<'p> {
    pub parts: &'p Parts,
}

impl Collector<'_> {
    /// Removes every object that no ref reaches, and packs the rest. Where git is there, it leaves a commit-graph.
    ///
    /// # Errors
    /// A backup or another collection runs; writers kept the store busy for a minute; I/O; what `judge` returns, which is asked
    /// once nobody else can move a ref. Nothing that a ref reaches is lost.
    pub(crate) fn collect<E: From<Error>>(
        &self,
        collection: &Collection<'_>,
        judge: impl FnOnce() -> Result<(), E>,
    ) -> Result<Collected, E> {
        self.check_collectable()?;
        let _backup = self.parts.locks.backup()?;
        self.parts.packs.forget_deleted()?;
        let repo = self.parts.objects.handle_for("HEAD")?;
        let branch = collection
            .squash
            .map(|(branch, ..)| self.parts.refs.resolve_branch(Some(branch)));
        let branch = branch.transpose()?;
        let squash = collection.squash.zip(branch.as_ref());
        let collection = &Collection {
            squash: squash.map(|((_, author, message), branch)| (branch, author, message)),
        };
        let git = Git::find(self.parts.root());
        let mut candidates = candidates::candidates(self.parts, &repo)?;
        let planned = self.squash_of(&repo, collection)?;
        let packed = self.pack(&repo, git.as_ref(), &self.roots(planned.as_ref())?)?;
        candidates.spare(packed.as_ref());
        tracing::debug!(objects = candidates.ids.len(), "packed what is reachable");
        let collected = self.exchange(&repo, collection, candidates, packed, judge)?;
        if let Some(git) = git {
            write_commit_graph(&self.parts.objects, &git);
        }
        Ok(collected)
    }

    /// Phase 2: deletes the candidates, once all that stays is somewhere else.
    fn exchange<E: From<Error>>(
        &self,
        repo: &gix::Repository,
        collection: &Collection<'_>,
        mut candidates: Candidates,
        pack: Option<Pack>,
        judge: impl FnOnce() -> Result<(), E>,
    ) -> Result<Collected, E> {
        let (lock, _refs) = self.parts.locks.deleting()?;
        let held = Instant::now();
        judge()?;
        let squashed = self.write_squash(collection)?;
        let index = pack.as_ref().map(|pack| pack.index(repo.object_hash()));
        let index = index.transpose()?.flatten();
        let packed = Packed { pack, index };
        let copies = self.copies(repo, squashed.as_ref(), &candidates, &packed)?;
        let copied = self.write_pack(repo, &copies)?;
        candidates.spare(copied.as_ref());
        self.publish_squash(collection, squashed.as_ref())?;
        self.delete_for_good(&lock, &candidates)?;
        tracing::info!(
            held_ms = held.elapsed().as_millis(),
            copied = copies.len(),
            "collected"
        );
        let copies: HashSet<_> = copies.into_iter().collect();
        candidates
            .ids
            .retain(|id| !packed.has(id) && !copies.contains(id));
        let kept = packed.pack.iter().chain(&copied).map(Pack::size_bytes);
        Ok(Collected {
            removed: candidates.ids.len(),
            freed_bytes: candidates.size_bytes.saturating_sub(kept.sum()),
            squashed: squashed.map(|squashed| commit_id(&squashed.id)),
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
            let folder = self.parts.root().join(folder);
            if fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
                let reason = format!("gc would break its {what}");
                return Err(Error::NotAStore {
                    root: self.parts.root().to_owned(),
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
        collection.squash.map_or(Ok(None), |(branch, ..)| {
            squash::plan(self.parts, repo, branch)
        })
    }

    /// Writes the squashed commit, durable; no ref leads to it yet.
    fn write_squash(&self, collection: &Collection<'_>) -> Result<Option<Squashed>> {
        let mut writing = WriteTxn::under(self.parts, None)?;
        let planned = self.squash_of(writing.repo(), collection)?;
        let (Some(plan), Some((branch, author, message))) = (planned, collection.squash) else {
            return Ok(None);
        };
        writing.durable_tip(branch)?;
        let commit = NewCommit {
            tree: plan.tree.0,
            parents: plan.parents.clone(),
            author,
            message: message.to_owned(),
        };
        let id = writing.stage_commit(&commit)?;
        writing.sync()?;
        Ok(Some(Squashed { plan, id }))
    }

    /// Has the branch lead to the squashed commit.
    fn publish_squash(
        &self,
        collection: &Collection<'_>,
        squashed: Option<&Squashed>,
    ) -> Result<()> {
        let (Some(Squashed { plan, id }), Some((branch, ..))) = (squashed, collection.squash)
        else {
            return Ok(());
        };
        self.parts.refs.swap(
            &branch.clone().into(),
            Some(plan.tip),
            Some(*id),
            OUTSIDE_MAX,
        )
    }

    /// Those candidates that refs came to reach since phase 1.
    fn copies(
        &self,
        repo: &gix::Repository,
        squashed: Option<&Squashed>,
        candidates: &Candidates,
        packed: &Packed,
    ) -> Result<Vec<gix::ObjectId>> {
        let roots = self.roots(squashed.map(|squashed| &squashed.plan))?;
        let roots = roots
            .into_iter()
            .chain(squashed.map(|squashed| squashed.id));
        let mut copies = reachable(repo, roots, &|id| packed.has(id))?;
        copies.retain(|id| candidates.ids.contains(id));
        Ok(copies)
    }

    /// Deletes the candidates, and has everybody forget them.
    fn delete_for_good(&self, lock: &Guard, candidates: &Candidates) -> Result<()> {
        // What is deleted now must not be missed by a ref that a power cut brings back.
        self.parts.refs.sync_all_refs()?;
        self.parts.refs.forget_old_tips()?;
        lock.mark_collected()?;
        candidates::delete(self.parts, candidates)?;
        self.parts.objects.reopen_after_gc(lock.last_collected())?;
        clear_files(&self.parts.objects)
    }

    /// What has to stay: every ref, but of a squashed branch only its tree and the squash's parents.
    fn roots(&self, squash: Option<&Squash>) -> Result<Vec<gix::ObjectId>> {
        let refs = self
            .parts
            .refs
            .direct_refs("refs/")?
            .into_iter()
            .map(|(_, id)| id);
        let mut roots: Vec<_> = refs.chain(self.parts.refs.detached_head()?).collect();
        if let Some(squash) = squash {
            roots.retain(|id| *id != squash.tip);
            roots.extend(&squash.parents);
            roots.push(squash.tree.0);
        }
        roots.sort_unstable();
        roots.dedup();
        Ok(roots)
    }

    /// Writes objects into a durable pack without deltas; `None` if there are none.
    fn write_pack(&self, repo: &gix::Repository, ids: &[gix::ObjectId]) -> Result<Option<Pack>> {
        if ids.is_empty() {
            return Ok(None);
        }
        let tmp = gc_dir(&self.parts.own_dir())?;
        self.parts.packs.write(repo, ids, &tmp).map(Some)
    }

    /// Packs all that the roots reach, with deltas where git is there.
    fn pack(
        &self,
        repo: &gix::Repository,
        git: Option<&Git>,
        roots: &[gix::ObjectId],
    ) -> Result<Option<Pack>> {
        let Some(git) = git else {
            return self.write_pack(repo, &reachable(repo, roots.iter().copied(), &|_| false)?);
        };
        let prefix = gc_dir(&self.parts.own_dir())?.join("new");
        let tips: Vec<_> = roots.iter().map(ToString::to_string).collect();
        let since = SystemTime::now() - CLOCK_TICK_MAX;
        let checksum = git.pack_objects(&tips, &prefix);
        let checksum = checksum.or_else(|error| {
            self.parts
                .packs
                .clear_pack_leftovers(|changed| changed >= since)
                .and(Err(error.into()))
        })?;
        checksum
            .map(|checksum| Pack::install(self.parts.root(), &prefix, &checksum))
            .transpose()
    }
}
