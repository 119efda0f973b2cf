//! Receives several modules in one upload. Each module is validated while it arrives; the bytes of all modules are spooled to one file.

use std::collections::BTreeMap;
use std::io::Write as _;

use super::error::{Error, Result};
use super::open::Store;
use crate::budget::ByteBudget;
use crate::config::ModuleLimits;
use crate::names::{ModuleHash, ModulePath, TreePath, printable_excerpt};
use crate::repo::{Spool, WriteTxn};
use crate::wasm::{Cancellation, Facts, ModuleInfo, Validation};

/// The maximum number of modules in one upload.
pub(super) const MODULES_MAX: usize = 100_000;

/// The number of modules in an upload whose facts stay in memory after the validation that collected them. The facts about further modules
/// are computed later, from their blobs.
const FACTS_KEPT_MAX: usize = 256;

/// An upload of several modules. Dropping it discards their bytes.
pub struct ModulesUpload {
    directory: TreePath,
    limits: ModuleLimits,
    budget: ByteBudget,
    cancellation: Cancellation,
    /// The bytes of all modules, one after the other. All modules share one file, because a process has a limit on its open files.
    spool: Spool,
    received: BTreeMap<ModulePath, ReceivedModule>,
    /// The memory that the map `received` takes, in bytes. The facts about the modules are not counted.
    received_bytes: usize,
    arriving: Option<ArrivingModule>,
}

/// The module whose bytes are arriving.
struct ArrivingModule {
    path: ModulePath,
    start: u64,
    validation: Validation,
}

/// A module that was received and found valid. `start` is the offset of its bytes in the spool, which has the bytes of all modules of the
/// upload.
struct ReceivedModule {
    start: u64,
    info: ModuleInfo,
    facts: Option<Facts>,
}

impl ModulesUpload {
    /// Begins the next module. `name` is its path, relative to the directory of the upload.
    ///
    /// # Errors
    /// The name is malformed; another module has the same path; there are too many modules.
    pub fn begin(&mut self, name: &str) -> Result<()> {
        let path = self.path(name).map_err(|source| Error::EntryName {
            name: printable_excerpt(name),
            source,
        })?;
        if self.received.contains_key(&path) {
            return Err(Error::SamePath(path.to_string()));
        }
        if self.received.len() == MODULES_MAX {
            return Err(Error::TooManyModules(MODULES_MAX));
        }
        let cancellation = self.cancellation.clone();
        self.arriving = Some(ArrivingModule {
            path,
            start: self.spool.size_bytes(),
            validation: Validation::with_facts_of_several(&self.limits, &self.budget, cancellation),
        });
        Ok(())
    }

    /// Appends bytes to the module that was begun last.
    ///
    /// # Errors
    /// The bytes cannot be part of a valid module; the module is too large; the bytes cannot be spooled.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let arriving = self.arriving.as_mut().expect("BUG: no module was begun");
        let validated = arriving.validation.write(bytes);
        validated.map_err(|source| Error::invalid(&arriving.path.to_string(), source))?;
        let spooled = self.spool.write_all(bytes);
        Ok(spooled.map_err(|error| self.spool.failed(error))?)
    }

    /// Ends the module that was begun last.
    ///
    /// # Errors
    /// The module is not valid.
    pub fn end(&mut self) -> Result<()> {
        let ArrivingModule {
            path,
            start,
            validation,
        } = self.arriving.take().expect("BUG: no module was begun");
        let finished = validation.finish_with_facts();
        let (info, facts) = finished.map_err(|source| Error::invalid(&path.to_string(), source))?;
        let module = ReceivedModule {
            start,
            // Drops the lists of imports, exports and so on: they may take megabytes, and nothing uses them.
            info: ModuleInfo {
                imports: Vec::new(),
                exports: Vec::new(),
                custom_sections: Vec::new(),
                producers: Vec::new(),
                ..info
            },
            facts: facts.filter(|_| self.received.len() < FACTS_KEPT_MAX),
        };
        self.received_bytes += path.as_str().len() + size_of::<(ModulePath, ReceivedModule)>();
        self.received.insert(path, module);
        Ok(())
    }

    /// Returns the number of bytes that are buffered in memory. Excludes the facts, which have a limit of their own.
    pub fn memory_bytes(&self) -> usize {
        let buffered = self.arriving.as_ref();
        let buffered = buffered.map_or(0, |arriving| arriving.validation.buffered_bytes());
        self.spool.memory_bytes() + self.received_bytes + buffered
    }

    /// Returns the total size of the modules so far, in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.spool.size_bytes()
    }

    /// Returns a handle that cancels the upload.
    pub fn cancellation(&self) -> Cancellation {
        self.cancellation.clone()
    }

    /// Returns the directory below which the modules are put.
    pub(super) fn directory(&self) -> &TreePath {
        &self.directory
    }

    /// Returns the paths of the modules, sorted.
    pub(super) fn paths(&self) -> impl Iterator<Item = &ModulePath> + Clone {
        self.received.keys()
    }

    /// Stores the modules as blobs. Returns the path and hash of each, sorted by path.
    pub(super) fn add_to(
        self,
        store: &Store,
        txn: &mut WriteTxn<'_>,
    ) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let mut modules = Vec::with_capacity(self.received.len());
        for (path, module) in self.received {
            let mut part = self.spool.part(module.start, module.info.size_bytes)?;
            let hash = txn.add_blob(&mut part)?;
            store.note_validated(hash, &module.info, module.facts);
            modules.push((path, hash));
        }
        Ok(modules)
    }

    fn path(&self, name: &str) -> Result<ModulePath, crate::names::Error> {
        let name = TreePath::parse(name)?;
        let path = format!("{}/{}", self.directory.as_str(), name.as_str());
        // An empty name, or only slashes, is not the name of a module.
        ModulePath::parse(if name.is_root() { "" } else { &path })
    }
}

impl Store {
    /// Begins an upload of modules that are put below a directory.
    pub(super) fn modules_upload(&self, directory: &TreePath) -> ModulesUpload {
        ModulesUpload {
            directory: directory.clone(),
            limits: self.options.modules,
            budget: self.budget.clone(),
            cancellation: Cancellation::default(),
            spool: self.repo.objects().spool(),
            received: BTreeMap::new(),
            received_bytes: 0,
            arriving: None,
        }
    }
}
