//! Decides why a pushed commit must not add a directory entry, if there is a reason.

use super::PushCheck;
use crate::names::{self, ModuleHash, ModulePath, TreePath};
use crate::repo::{Introduced, IntroducedEntry, chain};
use crate::store::error::Result;
use crate::wasm;

impl PushCheck<'_> {
    /// Returns what is wrong with a directory entry that a commit adds or changes; `None` if the entry is legal.
    pub(super) fn fault(&mut self, introduced: Introduced<'_>) -> Result<Option<String>> {
        let text = match introduced.entry {
            IntroducedEntry::Module(hash) => {
                let fault = name_fault(introduced, |text| ModulePath::parse(text).map(drop));
                return match fault {
                    None => self.module_fault(hash),
                    fault => Ok(fault),
                };
            }
            IntroducedEntry::Directory => {
                return Ok(name_fault(introduced, |text| {
                    TreePath::parse(text).map(drop)
                }));
            }
            IntroducedEntry::EmptyDirectory => "it is an empty directory",
            IntroducedEntry::Executable => {
                "it is executable, but a module must not be: run `git update-index --chmod=-x` on it"
            }
            IntroducedEntry::UnusualMode => "its mode is not 100644",
            IntroducedEntry::SymbolicLink => "it is a symbolic link",
            IntroducedEntry::Submodule => "it is a submodule",
            IntroducedEntry::DuplicateName => "its directory has two entries with this name",
            IntroducedEntry::SlashInName => "its name contains a slash",
        };
        Ok(Some(text.to_owned()))
    }

    fn module_fault(&mut self, hash: ModuleHash) -> Result<Option<String>> {
        if self.valid_modules.contains(&hash) {
            return Ok(None);
        }
        let limits = &self.store.options.modules;
        let Some(size_bytes) = self.incoming.blob_size_bytes(hash)? else {
            return Ok(Some("it is not a blob".to_owned()));
        };
        // Checks the size first, so that a blob that is too large is not read into memory.
        let bytes_max = limits.module_bytes_max;
        if size_bytes > bytes_max {
            let error = wasm::Error::ModuleTooLarge { bytes_max };
            return Ok(Some(error.to_string()));
        }
        let bytes = self.incoming.blob(hash)?;
        match wasm::validate(bytes.as_slice(), limits) {
            Ok(_) => {
                self.valid_modules.insert(hash);
                Ok(None)
            }
            Err(error) => Ok(Some(format!("it is not a valid module: {}", chain(&error)))),
        }
    }
}

/// Returns what is wrong with the path of an entry; `None` if the path is legal.
fn name_fault(
    introduced: Introduced<'_>,
    parse: impl FnOnce(&str) -> Result<(), names::Error>,
) -> Option<String> {
    let Ok(path) = std::str::from_utf8(introduced.path) else {
        return Some("its name is not UTF-8".to_owned());
    };
    let fault = parse(path).err();
    let fault = fault.as_ref().or(introduced.name_fault);
    fault.map(ToString::to_string)
}
