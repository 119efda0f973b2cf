//! What maintenance on schedule needs of a store's folder: a lock, and a file that tells what was done.

use std::fs;
use std::path::PathBuf;

use super::error::{Error, Result};
use super::lock::Guard;
use super::open::Repository;

/// No other server maintains the store. Dropping it releases.
#[derive(Debug)]
pub struct MaintenanceLock {
    _guard: Guard,
}

impl Repository {
    /// Takes the lock of maintenance; `None` if another server has it.
    ///
    /// # Errors
    /// The lock cannot be made.
    pub fn lock_maintenance(&self) -> Result<Option<MaintenanceLock>> {
        let guard = self.locks.try_maintenance()?;
        Ok(guard.map(|_guard| MaintenanceLock { _guard }))
    }

    /// What is noted of maintenance; nothing where that cannot be read.
    pub fn maintenance_notes(&self) -> Vec<u8> {
        fs::read(self.maintenance_file()).unwrap_or_default()
    }

    /// Replaces what is noted of maintenance. It is not flushed: what is lost has the store maintained later.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_maintenance(&self, _: &MaintenanceLock, notes: &[u8]) -> Result<()> {
        let file = self.maintenance_file();
        let new = file.with_extension("new");
        let written = fs::write(&new, notes).and_then(|()| fs::rename(&new, &file));
        written.map_err(Error::io("write", &file))
    }

    fn maintenance_file(&self) -> PathBuf {
        self.own_dir().join("maintenance.json")
    }
}
