//! Verifies the whole store.

use super::error::Result;
use super::index::IndexCheck;
use super::open::Store;
use crate::config::ModuleLimits;
use crate::names::{Digest, ModuleHash};
use crate::repo::{FaultSeverity, ObjectInspector, ObjectLocation, StoreFault, VerifyCounts};
use crate::wasm;

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
            // Intake limits do not apply to modules that the store has accepted.
            let validated = wasm::validate(bytes, &ModuleLimits::none());
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
