//! The operations that maintain a repository: gc and what it may drop, verify, backup, and the notes and the lock of scheduled maintenance.

use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;

use super::Repository;
use crate::names::{BranchName, CommitId, ModuleHash};
use crate::repo::error::{Error, Result};
use crate::repo::gc::collect::{Collector, GcRequest, GcResult};
use crate::repo::gc::dropped_commits::count_dropped;
use crate::repo::gc::dropped_versions::DroppedVersions;
use crate::repo::gc::own_history::OwnHistory;
use crate::repo::gc::refs_reaching::refs_reaching;
use crate::repo::history::walk::peel_to_commit;
use crate::repo::ids::{TreeId, commit_id};
use crate::repo::lifecycle::maintenance_lock::{self, MaintenanceLock};
use crate::repo::lifecycle::{backup, scratch_dirs};
use crate::repo::objects::commit::read_linked;
use crate::repo::verify::check::{self, VerifyGuard};
use crate::repo::verify::derived;
use crate::repo::verify::findings::{ObjectInspector, StoreFault, VerifyCounts};

impl Repository {
    /// Returns the commits that only `branch` reaches, which gc may drop; `None` if there are none.
    ///
    /// # Errors
    /// The refs or the history cannot be read.
    pub fn own_history(&self, branch: &BranchName) -> Result<Option<OwnHistory>> {
        let repo = self.parts.objects.handle_for("HEAD")?;
        OwnHistory::read(&self.parts, &repo, branch)
    }

    /// Returns the full names of the refs, except `branch`, that reach one of `commits`, such as `refs/tags/v1`. A detached `HEAD` that
    /// reaches one is returned as `HEAD`.
    ///
    /// # Errors
    /// The refs or the history cannot be read.
    pub fn refs_reaching(
        &self,
        branch: &BranchName,
        commits: &HashSet<CommitId>,
    ) -> Result<Vec<String>> {
        refs_reaching(&self.parts, branch, commits)
    }

    /// Returns the number of commits by which a history would become shorter if the versions `dropped` were dropped from it.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn count_dropped_commits(
        &self,
        own: &OwnHistory,
        dropped: &DroppedVersions,
    ) -> Result<usize> {
        count_dropped(&self.parts, own, dropped)
    }

    /// Returns the trees of all tagged commits.
    ///
    /// # Errors
    /// A ref or a tagged commit cannot be read.
    pub fn tagged_trees(&self) -> Result<Vec<TreeId>> {
        let repo = self.parts.objects.handle_for("HEAD")?;
        let mut trees = Vec::new();
        for (_, target) in self.parts.refs.direct_refs("refs/tags/")? {
            if let Some(commit) = peel_to_commit(&repo, target) {
                trees.push(read_linked(&repo, commit_id(&commit))?.tree);
            }
        }
        Ok(trees)
    }

    /// Removes every object that no ref reaches, and packs the others: see `gc/collect.rs`. Calls `check` at a time when no other writer
    /// can move a ref.
    ///
    /// # Errors
    /// A backup or another collection is running; the exclusive `lock` was not free for a minute, because other processes kept writing;
    /// I/O; the error of `check`. Even after an error, no object that a ref reaches is lost.
    pub fn collect<E: From<Error>>(
        &self,
        request: &GcRequest<'_, E>,
        check: impl Fn() -> Result<(), E>,
    ) -> Result<GcResult, E> {
        let parts = &self.parts;
        Collector { parts }.collect(request, check)
    }

    /// Begins a `verify`. While the guard exists, no `gc` and no backup runs.
    ///
    /// # Errors
    /// A backup or a `gc` is running.
    pub fn begin_check(&self) -> Result<VerifyGuard> {
        check::begin(&self.parts)
    }

    /// Checks every ref, and every object that a ref reaches, while writers continue.
    ///
    /// # Errors
    /// The refs cannot be listed. Faults of the store are not errors: they are passed to the inspector.
    pub fn verify(
        &self,
        check: &VerifyGuard,
        inspector: &mut impl ObjectInspector,
    ) -> Result<VerifyCounts> {
        check::verify(&self.parts, check, inspector)
    }

    /// Checks the checked-out files and the commit-graph, and reports their faults. If `remove` is set, removes faulty files.
    ///
    /// # Errors
    /// A faulty file cannot be removed.
    pub fn verify_derived(
        &self,
        check: &VerifyGuard,
        remove: bool,
        report: &mut dyn FnMut(StoreFault),
    ) -> Result<()> {
        derived::verify_derived(&self.parts.objects, check, remove, report)
    }

    /// Writes a tar archive of the repository to `out`. Calls `progress` after each file.
    ///
    /// # Errors
    /// The repository uses the objects of another repository (git alternates); I/O.
    pub fn backup(&self, out: impl Write, progress: impl FnMut()) -> Result<()> {
        backup::backup(&self.parts, out, progress)
    }

    /// Takes the lock for maintenance tasks. Returns `None` if another process or thread holds it.
    ///
    /// # Errors
    /// The lock file cannot be created.
    pub fn lock_maintenance(&self) -> Result<Option<MaintenanceLock>> {
        maintenance_lock::lock(&self.parts)
    }

    /// Returns the bytes that the maintenance tasks have stored with `note_maintenance`; empty if they cannot be read.
    pub fn maintenance_notes(&self) -> Vec<u8> {
        maintenance_lock::notes(&self.parts)
    }

    /// Stores the state of the maintenance tasks, without an fsync: if the state is lost, the tasks run again.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_maintenance(&self, lock: &MaintenanceLock, notes: &[u8]) -> Result<()> {
        maintenance_lock::write_notes(&self.parts, lock, notes)
    }

    /// Writes a module to the read-only file `ROOT/wasmstore/files/<hash>.wasm`. Returns the path of the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn check_out(&self, hash: ModuleHash, bytes: &[u8]) -> Result<PathBuf> {
        scratch_dirs::check_out(&self.parts.own_dir(), hash, bytes)
    }

    /// Removes files that killed writers and power cuts have left behind, unless another process is writing.
    ///
    /// # Errors
    /// A file cannot be listed or removed.
    pub fn sweep(&self) -> Result<()> {
        scratch_dirs::sweep(&self.parts)
    }
}
