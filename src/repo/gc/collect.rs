//! Garbage collection of objects that no ref reaches, while readers and writers continue.
//!
//! 1. Without `lock`: write the new history if versions are dropped; list the packs and loose objects that exist; pack everything that
//!    will stay reachable, with deltas if git is available.
//! 2. With `lock` and `refs.lock`, so that no one writes: rewrite the branch, read all refs again, copy the listed objects that refs have come
//!    to reach since phase 1, fsync, delete the listed files.
//! 3. Without `lock`: let git write a commit-graph, if git is available.
//!
//! Objects that are not in the list stay until the next collection. Writers are only blocked during phase 2, whose time is
//! proportional to what changed since phase 1 and to the number of deleted files.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime};

use gix::refs::Target;

use crate::git::Git;
use crate::names::{BranchName, CommitId};
use crate::repo::authority::{Freshness, SharedState};
use crate::repo::error::{Error, Result};
use crate::repo::gc::candidates::{self, Candidates};
use crate::repo::gc::commit_graph::write_commit_graph;
use crate::repo::gc::rewrite::{self, Rewrite, RewritePlan, RewrittenBranch};
use crate::repo::gc::shared;
use crate::repo::history::reach::reachable;
use crate::repo::ids::commit_id;
use crate::repo::lifecycle::scratch_dirs::{clear_files, gc_dir};
use crate::repo::locks::Guard;
use crate::repo::packs::pack::Pack;
use crate::repo::parts::Parts;

/// How far the modification time of a new file can be behind the current time: the kernel takes it from a clock that advances only
/// at timer ticks.
const CLOCK_TICK_MAX: Duration = Duration::from_millis(20);

/// How often gc begins its last step again because another machine has changed the shared state.
const EXCHANGES_MAX: usize = 20;

/// A requested garbage collection.
pub struct GcRequest<'a, E> {
    /// The branch whose own history is rewritten; `None` keeps all history.
    pub rewrite: Option<(&'a BranchName, Rewrite<'a, E>)>,
}

/// The result of a garbage collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcResult {
    /// The number of removed objects.
    pub removed: usize,
    /// The number of bytes by which the store shrank.
    pub freed_bytes: u64,
    /// The rewritten history, if it was rewritten.
    pub rewritten: Option<NewHistory>,
}

/// The result of rewriting a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewHistory {
    /// The new tip.
    pub tip: CommitId,
    /// The number of commits by which the history became shorter.
    pub dropped_commits: usize,
}

/// The pack of the reachable objects, as of phase 1.
struct ReachablePack {
    pack: Option<Pack>,
    index: Option<gix_pack::index::File>,
}

impl ReachablePack {
    fn contains(&self, id: &gix::oid) -> bool {
        let index = self.index.as_ref();
        index.is_some_and(|index| index.lookup(id).is_some())
    }
}

/// The result of the step that makes the candidates unreachable.
struct Exchanged {
    rewritten: Option<RewrittenBranch>,
    /// The candidates that were copied.
    copies: Vec<gix::ObjectId>,
    /// The pack with the copies.
    copied: Option<Pack>,
}

/// Collects the garbage of one repository.
pub(crate) struct Collector<'p> {
    pub parts: &'p Parts,
}

impl Collector<'_> {
    /// Removes every object that no ref reaches, and packs the others. If git is available, a commit-graph is written too.
    ///
    /// # Errors
    /// A backup or another collection is running; writers kept the store busy for a minute; I/O; the error of `check`, which is called when
    /// no other writer can move a ref. Even after an error, everything that a ref reaches is still there.
    pub(crate) fn collect<E: From<Error>>(
        &self,
        request: &GcRequest<'_, E>,
        check: impl Fn() -> Result<(), E>,
    ) -> Result<GcResult, E> {
        candidates::check_collectable(self.parts)?;
        let _backup = self.parts.locks.backup()?;
        let base = shared::begin(self.parts)?;
        self.parts.packs.forget_deleted()?;
        let repo = self.parts.objects.handle_for("HEAD")?;
        let branch = request.rewrite.as_ref().map(|(branch, _)| *branch);
        let branch = branch.map(|branch| self.parts.refs.resolve_branch(Some(branch)));
        let branch = branch.transpose()?;
        let plan = request.rewrite.as_ref().zip(branch.as_ref());
        let plan = plan
            .map(|((_, rewrite), branch)| RewritePlan::new(self.parts, &repo, branch, rewrite))
            .transpose()?;
        let planned = plan.as_ref().and_then(RewritePlan::roots);
        let git = Git::find(self.parts.root());
        let mut candidates = candidates::candidates(self.parts, &repo)?;
        if let Some(base) = &base {
            let root = self.parts.root();
            let packs = base.packs.iter();
            let packs = packs.map(|key| Pack::named(root, &key.checksum));
            candidates.add_objects_of(packs, repo.object_hash())?;
        }
        let packed = self.pack(&repo, git.as_ref(), &self.roots(planned)?)?;
        candidates.spare(packed.as_ref());
        if let (Some(_), Some(packed)) = (&base, &packed) {
            self.parts.authority.keep(&packed.into())?;
        }
        tracing::debug!(
            objects = candidates.ids.len(),
            "packed the reachable objects"
        );
        let collected = self.delete_unreachable(
            &repo,
            plan.as_ref(),
            candidates,
            packed,
            base.as_deref(),
            check,
        )?;
        shared::sweep(self.parts);
        if let Some(git) = git {
            write_commit_graph(&self.parts.objects, &git);
        }
        Ok(collected)
    }

    /// Deletes the candidates, once everything that stays is in other packs (phase 2).
    fn delete_unreachable<E: From<Error>>(
        &self,
        repo: &gix::Repository,
        plan: Option<&RewritePlan<'_>>,
        mut candidates: Candidates,
        pack: Option<Pack>,
        base: Option<&SharedState>,
        check: impl Fn() -> Result<(), E>,
    ) -> Result<GcResult, E> {
        let (lock, _refs) = self.parts.locks.deleting()?;
        let held = Instant::now();
        let index = pack
            .as_ref()
            .map(|pack| pack.index(repo.object_hash()))
            .transpose()?
            .flatten();
        let packed = ReachablePack { pack, index };
        let Exchanged {
            rewritten,
            copies,
            copied,
        } = self.exchange(repo, plan, &candidates, &packed, base, check)?;
        candidates.spare(copied.as_ref());
        candidates.spare_named(&self.parts.following.lock().named);
        self.delete_for_good(&lock, &candidates)?;
        tracing::info!(
            held_ms = held.elapsed().as_millis(),
            copied = copies.len(),
            "collected"
        );
        let copies: HashSet<_> = copies.into_iter().collect();
        candidates
            .ids
            .retain(|id| !packed.contains(id) && !copies.contains(id));
        let kept = packed.pack.iter().chain(&copied).map(Pack::size_bytes);
        Ok(GcResult {
            removed: candidates.ids.len(),
            freed_bytes: candidates.size_bytes.saturating_sub(kept.sum()),
            rewritten: rewritten.map(|rewritten| NewHistory {
                tip: commit_id(&rewritten.new_tip),
                dropped_commits: rewritten.dropped_commits,
            }),
        })
    }

    /// Rewrites the branch, and copies the candidates that refs have come to reach, so that all candidates can be deleted. If machines share the
    /// repository, replaces the packs of `base` in the shared state; while another machine changes that state, begins again.
    fn exchange<E: From<Error>>(
        &self,
        repo: &gix::Repository,
        plan: Option<&RewritePlan<'_>>,
        candidates: &Candidates,
        packed: &ReachablePack,
        base: Option<&SharedState>,
        check: impl Fn() -> Result<(), E>,
    ) -> Result<Exchanged, E> {
        for _ in 0..EXCHANGES_MAX {
            if base.is_some() {
                self.parts.doubt();
            }
            self.parts.catch_up(Freshness::LastSwap)?;
            check()?;
            let rewritten = plan.map(|plan| plan.write(self.parts)).transpose()?;
            let rewritten = rewritten.flatten();
            let copies = self.copies(repo, rewritten.as_ref(), candidates, packed)?;
            let copied = self.write_pack(repo, &copies)?;
            let is_done = match base {
                None => {
                    if let Some((plan, rewritten)) = plan.zip(rewritten.as_ref()) {
                        rewrite::publish(self.parts, plan.branch(), rewritten)?;
                    }
                    true
                }
                Some(base) => {
                    let packs = packed.pack.iter().chain(&copied);
                    let branch = plan.map(RewritePlan::branch);
                    shared::exchange(self.parts, base, packs, branch.zip(rewritten.as_ref()))?
                }
            };
            if is_done {
                return Ok(Exchanged {
                    rewritten,
                    copies,
                    copied,
                });
            }
        }
        let reason = "other machines kept changing it during gc";
        Err(Error::Busy(reason.to_owned()).into())
    }

    /// Returns the candidates that refs reach, but that are not in `packed`, the pack of phase 1.
    fn copies(
        &self,
        repo: &gix::Repository,
        rewritten: Option<&RewrittenBranch>,
        candidates: &Candidates,
        packed: &ReachablePack,
    ) -> Result<Vec<gix::ObjectId>> {
        let rewritten = rewritten.map(|branch| (branch.old_tip, branch.roots.clone()));
        let roots = self.roots(rewritten)?;
        let mut copies = reachable(repo, roots, &|id| packed.contains(id))?;
        copies.retain(|id| candidates.ids.contains(id));
        Ok(copies)
    }

    /// Deletes the candidates. Records the deletion in the file `lock`, from which every process learns of it.
    fn delete_for_good(&self, lock: &Guard, candidates: &Candidates) -> Result<()> {
        // A power cut must not bring back a ref to an object that is deleted now.
        self.parts.refs.sync_all_refs()?;
        self.parts.refs.forget_old_tips()?;
        lock.mark_collected()?;
        candidates::delete(self.parts, candidates)?;
        self.parts.objects.reopen_after_gc(lock.last_collected())?;
        clear_files(&self.parts.objects)
    }

    /// Returns the roots from which every object that stays is reachable: the targets of all refs. A branch that is rewritten contributes
    /// the given roots instead of its tip.
    ///
    /// # Errors
    /// `UncollectableRef` if a ref is broken: what it reached must not be deleted.
    fn roots(
        &self,
        rewritten: Option<(gix::ObjectId, Vec<gix::ObjectId>)>,
    ) -> Result<Vec<gix::ObjectId>> {
        let list = self.parts.refs.list("refs/")?;
        if let Some(broken) = list.broken.into_iter().next() {
            return Err(Error::UncollectableRef(broken));
        }
        let refs = list
            .refs
            .into_iter()
            .filter_map(|(_, target)| match target {
                Target::Object(id) => Some(id),
                Target::Symbolic(_) => None,
            });
        let mut roots: Vec<_> = refs.chain(self.parts.refs.detached_head()?).collect();
        if let Some((old_tip, new_roots)) = rewritten {
            roots.retain(|id| *id != old_tip);
            roots.extend(new_roots);
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

    /// Packs everything that the roots reach, with deltas if git is available.
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
        let checksum = git.pack_objects(&tips, &prefix).or_else(|error| {
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
