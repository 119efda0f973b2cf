//! Verifies the whole store.

use std::time::{Duration, Instant};

use super::error::Result;
use super::index::IndexCheck;
use super::open::Store;
use crate::budget::ByteBudget;
use crate::config::ModuleLimits;
use crate::names::{Digest, ModuleHash};
use crate::repo::{FaultSeverity, ObjectInspector, ObjectLocation, StoreFault, VerifyCounts};
use crate::wasm::{self, ModuleInfo};

/// A finding of `verify`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A fault.
    Fault(StoreFault),
    /// An entry that is neither a module nor a directory. This is not a fault: another program may have written it.
    Foreign(ObjectLocation),
}

/// The treatment of faulty derived data by `verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DerivedFaults {
    /// Report the faults.
    Report,
    /// Report the faults and remove the data. The version index is rebuilt.
    Repair,
}

impl Store {
    /// Checks every ref, hashes every reachable object, validates every module, checks the records of the registry, and compares the
    /// derived data with the repository: the version index, checked-out files and git's commit-graph. Calls `report` for each finding, and
    /// `progress` before each object. Reads and writes continue in the meantime.
    ///
    /// # Errors
    /// A backup or a `gc` is running; refs cannot be listed; faulty derived data cannot be removed. Faults are not errors.
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
        let index_faults = inspector.index.finish();
        for reason in &index_faults {
            (inspector.report)(Finding::Fault(StoreFault {
                subject: "version index".to_owned(),
                location: None,
                reason: reason.clone(),
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

/// How long a validation waits for memory. Then it does without: it must not take a lack of memory for a fault, and there is only one at a time.
const MEMORY_WAIT: Duration = Duration::from_secs(5);

/// Validates a module that the store has accepted, so that no intake limits apply. Charges its bytes and its parsed types to the budget.
fn validate(bytes: &[u8], budget: &ByteBudget) -> std::result::Result<ModuleInfo, wasm::Error> {
    let limits = ModuleLimits::none();
    let size_bytes = (bytes.len() as u64).min(budget.largest());
    let _memory = budget.charge_until(size_bytes, Instant::now() + MEMORY_WAIT);
    match wasm::validate_within(bytes, &limits, budget) {
        Err(wasm::Error::OutOfMemory) => wasm::validate(bytes, &limits),
        validated => validated,
    }
}

/// Validates modules and forwards the faults that the repository finds.
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
