//! Garbage collection: deletes the objects that no ref reaches, while readers and writers continue.
//!
//! 1. Without `lock`: if versions are dropped, write the new history; list the existing packs and loose objects (the candidates); pack
//!    everything that will stay reachable, with deltas if git is available.
//! 2. With `lock` and `refs.lock`, so that no one writes: rewrite the branch; read all refs again; copy the candidates that have become
//!    reachable since phase 1; fsync; delete the candidates.
//! 3. Without `lock`: let git write a commit-graph, if git is available.
//!
//! Objects that are not candidates stay until the next collection. Writers are only blocked during phase 2. Its time is proportional to the
//! changes since phase 1 and to the number of deleted files.

use std::collections::HashSet;
use std::time::Instant;

use crate::git::Git;
use crate::names::{BranchName, CommitId};
use crate::repo::authority::{Freshness, SharedState};
use crate::repo::error::{Error, Result};
use crate::repo::gc::candidates::{self, Candidates};
use crate::repo::gc::commit_graph::write_commit_graph;
use crate::repo::gc::reachable_pack::{ReachablePack, roots};
use crate::repo::gc::rewrite::{self, Rewrite, RewritePlan, RewrittenBranch};
use crate::repo::gc::shared;
use crate::repo::history::reach::reachable;
use crate::repo::ids::commit_id;
use crate::repo::lifecycle::scratch_dirs::clear_files;
use crate::repo::locks::Guard;
use crate::repo::packs::pack::Pack;
use crate::repo::parts::Parts;

/// The maximum number of attempts of phase 2, the phase in which writers are blocked. It is repeated if another machine changes the shared
/// state in between.
const ATTEMPTS_MAX: usize = 20;

/// The parameters of a garbage collection.
pub struct GcRequest<'a, E> {
    /// The branch whose own history (the commits that no other ref reaches) is rewritten, and how; `None` keeps all history.
    pub rewrite: Option<(&'a BranchName, Rewrite<'a, E>)>,
}

/// The result of a garbage collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcResult {
    /// The number of removed objects.
    pub removed: usize,
    /// The size of all packs and loose objects at the beginning, in bytes.
    pub before_bytes: u64,
    /// The number of bytes by which the store shrank.
    pub freed_bytes: u64,
    /// The rewritten history; `None` if no history was rewritten.
    pub rewritten: Option<NewHistory>,
}

/// The history of a branch after a garbage collection has rewritten it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewHistory {
    /// The tip of the new history.
    pub tip: CommitId,
    /// The number of commits by which the history became shorter.
    pub dropped_commits: usize,
}

/// The result of [`Collector::release`], the step after which no ref needs the [`Candidates`]: the packs and loose objects to delete.
struct Released {
    rewritten: Option<RewrittenBranch>,
    /// The objects that were to be deleted, but were copied into a new pack because refs reach them.
    copies: Vec<gix::ObjectId>,
    /// The pack that contains the copied objects; `None` if no object was copied.
    copied: Option<Pack>,
}

/// The garbage collector of a repository.
pub(crate) struct Collector<'p> {
    pub parts: &'p Parts,
}

impl Collector<'_> {
    /// Removes every object that no ref reaches, and packs the others. If git is available, also writes a commit-graph. Calls `check` at a
    /// time when no other writer can move a ref.
    ///
    /// # Errors
    /// A backup or another collection is running; the exclusive `lock` was not free for a minute, because other processes kept writing;
    /// I/O; the error of `check`. Even after an error, everything that a ref reaches still exists.
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
        let packed = self.pack(
            &repo,
            git.as_ref(),
            &roots(self.targets_of_refs()?, planned),
        )?;
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

    /// Phase 2: writes the objects that must stay and that are not in the pack of phase 1 to another pack, then deletes the candidates,
    /// which are packs and loose objects.
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
        let Released {
            rewritten,
            copies,
            copied,
        } = self.release(repo, plan, &candidates, &packed, base, check)?;
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
            before_bytes: candidates.size_bytes,
            freed_bytes: candidates.size_bytes.saturating_sub(kept.sum()),
            rewritten: rewritten.map(|rewritten| NewHistory {
                tip: commit_id(&rewritten.new_tip),
                dropped_commits: rewritten.dropped_commits,
            }),
        })
    }

    /// Rewrites the branch, and copies those objects of the candidates (packs and loose objects to delete) that refs reach by now, so that
    /// all candidates can be deleted. If several machines share the repository, replaces the packs of `base` in the shared state, and
    /// starts again whenever another machine has changed that state.
    fn release<E: From<Error>>(
        &self,
        repo: &gix::Repository,
        plan: Option<&RewritePlan<'_>>,
        candidates: &Candidates,
        packed: &ReachablePack,
        base: Option<&SharedState>,
        check: impl Fn() -> Result<(), E>,
    ) -> Result<Released, E> {
        // In a shared repository, the refs on disk are compared and read only once. If there are many, other machines would change the state
        // in that time again and again.
        let mut unshared = None;
        if base.is_some() {
            self.parts.doubt();
        }
        for _ in 0..ATTEMPTS_MAX {
            self.parts.catch_up(Freshness::LastSwap)?;
            check()?;
            let rewritten = plan.map(|plan| plan.write(self.parts)).transpose()?;
            let rewritten = rewritten.flatten();
            let targets = match base {
                None => self.targets_of_refs()?,
                Some(_) => {
                    if unshared.is_none() {
                        unshared = Some(self.targets_of_unshared_refs()?);
                    }
                    let unshared = unshared.iter().flatten().copied();
                    unshared.chain(self.targets_of_shared_refs(repo)).collect()
                }
            };
            let copies = self.copies(repo, targets, rewritten.as_ref(), candidates, packed)?;
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
                    shared::replace_packs(self.parts, base, packs, branch.zip(rewritten.as_ref()))?
                }
            };
            if is_done {
                return Ok(Released {
                    rewritten,
                    copies,
                    copied,
                });
            }
        }
        let reason = "other machines kept changing it during gc";
        Err(Error::Busy(reason.to_owned()).into())
    }

    /// Returns the objects of the candidates (packs and loose objects to delete) that refs with these targets reach and that `packed`, the
    /// pack of phase 1, does not contain.
    fn copies(
        &self,
        repo: &gix::Repository,
        targets: Vec<gix::ObjectId>,
        rewritten: Option<&RewrittenBranch>,
        candidates: &Candidates,
        packed: &ReachablePack,
    ) -> Result<Vec<gix::ObjectId>> {
        let rewritten = rewritten.map(|branch| (branch.old_tip, branch.roots.clone()));
        let roots = roots(targets, rewritten);
        let mut copies = reachable(repo, roots, &|id| packed.contains(id))?;
        copies.retain(|id| candidates.ids.contains(id));
        Ok(copies)
    }

    /// Deletes the packs and loose objects in `candidates`. Before that, records the deletion in the file `lock`, so that every process
    /// opens its packs again.
    fn delete_for_good(&self, lock: &Guard, candidates: &Candidates) -> Result<()> {
        // Without this fsync, a power cut could restore the old value of a ref, whose objects are deleted now.
        self.parts.refs.sync_all_refs()?;
        self.parts.refs.forget_old_tips()?;
        lock.mark_collected()?;
        candidates::delete(self.parts, candidates)?;
        self.parts.objects.reopen_after_gc(lock.last_collected())?;
        clear_files(&self.parts.objects)
    }
}
