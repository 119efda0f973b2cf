//! Checking the whole store.

use super::error::Result;
use super::index::verify_index::IndexCheck;
use super::open::Store;
use crate::config::ModuleLimits;
use crate::names::{Digest, ModuleHash};
use crate::repo::{Checked, Fault, Inspector, Location};
use crate::wasm;

/// What a check came upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Something is wrong.
    Fault(Fault),
    /// Something is neither a module nor a folder, and left alone: a foreign repository may have it.
    Foreign(Location),
}

/// What to do with what is derived from the repository, and wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DerivedFaults {
    /// Tell of it.
    Report,
    /// Tell of it, and remove it; what is needed is made anew.
    Repair,
}

impl Store {
    /// Checks every ref, hashes every object that one reaches, validates every module, and compares what is derived with that: the
    /// version index, checked-out files, git's commit-graph. `report` is told what is found, as it is found; `progress` is called
    /// before each object. Readers and writers go on meanwhile.
    ///
    /// # Errors
    /// A backup or a `gc` runs; refs cannot be listed; what is to be removed cannot be. A damaged store is no error.
    pub fn verify(
        &self,
        derived: DerivedFaults,
        report: &mut dyn FnMut(Finding),
        progress: &mut dyn FnMut(),
    ) -> Result<Checked> {
        let held = self.repo.begin_check()?;
        let mut check = Check {
            limits: &self.options.modules,
            index: IndexCheck::new(self),
            report,
            progress,
        };
        let checked = self.repo.verify(&held, &mut check)?;
        let index = check.index.finish();
        for reason in &index {
            (check.report)(Finding::Fault(Fault {
                subject: "version index".to_owned(),
                location: None,
                reason: reason.clone(),
            }));
        }
        let remove = derived == DerivedFaults::Repair;
        let mut tell = |fault| (check.report)(Finding::Fault(fault));
        self.repo.verify_derived(&held, remove, &mut tell)?;
        if remove && !index.is_empty() {
            self.reindex()?;
        }
        Ok(checked)
    }
}

struct Check<'c> {
    limits: &'c ModuleLimits,
    index: IndexCheck<'c>,
    report: &'c mut dyn FnMut(Finding),
    progress: &'c mut dyn FnMut(),
}

impl Inspector for Check<'_> {
    fn module(&mut self, hash: ModuleHash, bytes: &[u8]) -> std::result::Result<(), String> {
        match wasm::validate(bytes, self.limits) {
            Ok(info) => {
                self.index.digest(hash, Digest::from_bytes(info.sha256));
                Ok(())
            }
            Err(error) => Err(format!("it is not a valid module: {error}")),
        }
    }

    fn fault(&mut self, fault: Fault) {
        (self.report)(Finding::Fault(fault));
    }

    fn foreign(&mut self, location: Location) {
        (self.report)(Finding::Foreign(location));
    }

    fn progress(&mut self) {
        (self.progress)();
    }
}
