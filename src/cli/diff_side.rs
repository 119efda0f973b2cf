//! The two sides of a diff: commits, branches or tags, modules, or files on disk.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::exit::{Error, Result};
use super::stream_copy::read_error;
use crate::config::ModuleLimits;
use crate::names::{BranchName, ModuleHash, ModuleRef};
use crate::remote::StoreOperations;
use crate::store::Revision;

/// The prefix that marks any path of a file.
const FILE: &str = "file:";

/// One side of a diff.
#[derive(Clone, Debug)]
pub(super) enum DiffSide {
    /// A commit, a branch or a tag.
    Revision(Revision),
    /// A module or a file.
    Content(ContentName),
}

/// The name of bytes that can be compared.
#[derive(Clone, Debug)]
pub(super) enum ContentName {
    /// A module in the store.
    Module(ModuleRef),
    /// A file on disk.
    File(PathBuf),
}

impl DiffSide {
    /// Finds out what an argument names. `./`, `../` and `file:` mark a file, and a leading slash or `sha256:` a module. Anything else is a
    /// commit, branch or tag if there is one with this name, and otherwise a module.
    ///
    /// # Errors
    /// The name is malformed, or no commit, branch, tag or module has it.
    pub fn parse(
        text: &str,
        store: &dyn StoreOperations,
        branch: Option<BranchName>,
    ) -> Result<Self> {
        if let Some(file) = file_of(text) {
            return Ok(Self::Content(ContentName::File(file)));
        }
        if text.starts_with('/') || text.starts_with("sha256:") {
            let module = ModuleRef::parse(text)?;
            return Ok(Self::Content(ContentName::Module(module)));
        }
        let unknown = match Revision::parse(text) {
            Ok(revision) => {
                let revision = revision.on_branch(branch.clone());
                match store.snapshot(&revision).map_err(Error::from) {
                    Ok(_) => return Ok(Self::Revision(revision)),
                    // A branch without commits is an error of `snapshot`, but not of a diff.
                    Err(error) if error.is_empty_branch() => return Ok(Self::Revision(revision)),
                    Err(error) if error.is_not_found() => error,
                    Err(error) => return Err(error),
                }
            }
            Err(malformed) => malformed.into(),
        };
        let tree = Revision::Branch(branch);
        let Ok(name) = ModuleRef::parse(text) else {
            return Err(unknown);
        };
        // The older of two versions is in no tree, so only comparing finds out whether a hash is known. A name that ends with `.wasm` is
        // that of a module even if there is none, so that the error says so.
        let is_module = match &name {
            ModuleRef::Hash(_) => store.compare_modules(&tree, &name, &name).is_ok(),
            ModuleRef::Path(_) => store.contains(&tree, &name)? || text.ends_with(".wasm"),
        };
        if is_module {
            Ok(Self::Content(ContentName::Module(name)))
        } else {
            Err(unknown)
        }
    }

    /// Returns what the side is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Revision(_) => "a commit, branch or tag",
            Self::Content(ContentName::Module(_)) => "a module",
            Self::Content(ContentName::File(_)) => "a file",
        }
    }
}

impl ContentName {
    /// Reads the module or file.
    ///
    /// # Errors
    /// The file cannot be read or is larger than a module may be; the module is unknown.
    pub fn read(
        &self,
        store: &dyn StoreOperations,
        tree: &Revision,
    ) -> Result<(Option<ModuleHash>, Vec<u8>)> {
        match self {
            Self::File(path) => Ok((None, read_file(path)?)),
            Self::Module(name) => {
                let mut module = store.find(tree, name)?;
                let mut bytes = Vec::new();
                module.read_to_end(&mut bytes).map_err(read_error)?;
                Ok((Some(module.hash), bytes))
            }
        }
    }
}

fn file_of(text: &str) -> Option<PathBuf> {
    let is_relative = ["./", "../"].iter().any(|prefix| text.starts_with(prefix));
    match text.strip_prefix(FILE) {
        Some(file) => Some(file.into()),
        None => is_relative.then(|| text.into()),
    }
}

/// Reads a file, which may be as large as a module.
///
/// # Errors
/// The file cannot be read, or is larger.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>> {
    let bytes_max = ModuleLimits::default().module_bytes_max;
    let read = || {
        let mut bytes = Vec::new();
        let file = File::open(path)?;
        file.take(bytes_max.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    };
    read().map_err(|source| Error::Input {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_dot_segment_or_the_prefix_marks_a_file() {
        for (text, file) in [
            ("./a.wasm", Some("./a.wasm")),
            ("../a.wasm", Some("../a.wasm")),
            ("file:/tmp/a.wasm", Some("/tmp/a.wasm")),
            ("/tmp/a.wasm", None),
            (".a.wasm", None),
            ("main", None),
        ] {
            assert_eq!(file_of(text), file.map(PathBuf::from), "{text}");
        }
    }
}
