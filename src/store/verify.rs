//! Checking the whole store.

use super::error::Result;
use super::open::Store;
use crate::config::ModuleLimits;
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

impl Store {
    /// Checks every ref, hashes every object that one reaches, and validates every module. `report` is told what is found, as it is
    /// found; `progress` is called before each object. Readers and writers go on meanwhile.
    ///
    /// # Errors
    /// A backup or a `gc` runs; refs cannot be listed. A damaged store is no error.
    pub fn verify(
        &self,
        report: &mut dyn FnMut(Finding),
        progress: &mut dyn FnMut(),
    ) -> Result<Checked> {
        let limits = &self.options.modules;
        let mut check = Check {
            limits,
            report,
            progress,
        };
        Ok(self.repo.verify(&mut check)?)
    }
}

struct Check<'c> {
    limits: &'c ModuleLimits,
    report: &'c mut dyn FnMut(Finding),
    progress: &'c mut dyn FnMut(),
}

impl Inspector for Check<'_> {
    fn module(&mut self, bytes: &[u8]) -> std::result::Result<(), String> {
        let validated = wasm::validate(bytes, self.limits);
        validated
            .map(drop)
            .map_err(|error| format!("it is not a valid module: {error}"))
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
