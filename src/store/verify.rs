//! Verifies the whole store.

use std::time::{Duration, Instant};

use super::error::{Error, Result};
use super::index::{IndexCheck, IndexFindings};
use super::open::Store;
use crate::budget::ByteBudget;
use crate::config::ModuleLimits;
use crate::names::{BranchName, Digest, ModuleHash, RefName};
use crate::repo::{
    FaultSeverity, ObjectInspector, ObjectLocation, StoreFault, VerifyCounts, chain,
};
use crate::wasm::{self, ModuleInfo};

/// What `verify` reports: a fault, or a tree entry that is neither a module nor a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A fault of the store.
    Fault(StoreFault),
    /// A tree entry that is neither a module nor a directory. It is not a fault, because another program may have written it.
    Foreign(ObjectLocation),
}

/// What `verify` does with faults of derived data, which can be computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DerivedFaults {
    /// Report the faults.
    Report,
    /// Report the faults and remove the faulty data. Rebuild the version index if it is faulty.
    Repair,
}

impl Store {
    /// Checks every ref, hashes every reachable object, validates every module, checks the records of the OCI registry, and compares the
    /// derived data with the repository: the version index, checked-out files and git's commit-graph. Calls `report` for each finding, and
    /// `progress` before each object. Other requests can read and write during the verification.
    ///
    /// # Errors
    /// A backup or a `gc` is running; the refs cannot be listed; faulty derived data cannot be removed. A fault is not an error.
    pub fn verify(
        &self,
        derived: DerivedFaults,
        report: &mut dyn FnMut(Finding),
        progress: &mut dyn FnMut(),
    ) -> Result<VerifyCounts> {
        let lock = self.repo.begin_check()?;
        let mut inspector = VerifyInspector {
            index: IndexCheck::new(self),
            report,
            progress,
        };
        let checked = self.repo.verify(&lock, &mut inspector)?;
        let IndexFindings {
            faults: index_faults,
            unindexed,
        } = inspector.index.finish();
        let of_index = |reason: &String| ("version index".to_owned(), reason.clone());
        let of_branch = |(branch, error): (BranchName, Error)| {
            (RefName::from(branch).to_string(), chain(&error))
        };
        let faults = index_faults.iter().map(of_index);
        for (subject, reason) in faults.chain(unindexed.into_iter().map(of_branch)) {
            (inspector.report)(Finding::Fault(StoreFault {
                subject,
                location: None,
                reason,
                severity: FaultSeverity::Damage,
            }));
        }
        self.verify_records(&mut |fault| (inspector.report)(Finding::Fault(fault)))?;
        let repair = derived == DerivedFaults::Repair;
        let mut report_fault = |fault| (inspector.report)(Finding::Fault(fault));
        self.repo.verify_derived(&lock, repair, &mut report_fault)?;
        if repair && !index_faults.is_empty() {
            self.reindex()?;
        }
        Ok(checked)
    }
}

/// How long the validation of a module waits for the memory budget. After that, it validates outside of the budget, because a lack of
/// memory must not look like a fault of the module. Only one module at a time is validated here.
const MEMORY_WAIT: Duration = Duration::from_secs(5);

/// Validates a module of the store. No limits apply, because it was accepted before. Charges its bytes and its parsed types to the budget.
fn validate(bytes: &[u8], budget: &ByteBudget) -> std::result::Result<ModuleInfo, wasm::Error> {
    let limits = ModuleLimits::unlimited();
    let size_bytes = (bytes.len() as u64).min(budget.largest());
    let _memory = budget.charge_until(size_bytes, Instant::now() + MEMORY_WAIT);
    match wasm::validate_within(bytes, &limits, budget) {
        Err(wasm::Error::OutOfMemory) => wasm::validate(bytes, &limits),
        validated => validated,
    }
}

/// Validates modules, and passes the findings of the repository on.
struct VerifyInspector<'c> {
    index: IndexCheck<'c>,
    report: &'c mut dyn FnMut(Finding),
    progress: &'c mut dyn FnMut(),
}

impl ObjectInspector for VerifyInspector<'_> {
    fn module(&mut self, hash: ModuleHash, bytes: &[u8]) -> std::result::Result<(), String> {
        let sha256 = if self.index.is_valid(hash) {
            wasm::sha256(bytes)
        } else {
            let validated = validate(bytes, &self.index.store().budget);
            let info = validated.map_err(|error| format!("it is not a valid module: {error}"))?;
            self.index.add_valid(hash);
            info.sha256
        };
        self.index.compare_digest(hash, Digest::from_bytes(sha256));
        self.index.compare_facts(hash, bytes);
        Ok(())
    }

    fn fault(&mut self, fault: StoreFault) {
        (self.report)(Finding::Fault(fault));
    }

    fn foreign(&mut self, location: ObjectLocation) {
        (self.report)(Finding::Foreign(location));
    }

    fn progress(&mut self) {
        (self.progress)();
    }
}
