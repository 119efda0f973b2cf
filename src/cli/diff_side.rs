//! The two sides of a diff. Each is a commit, branch or tag, a module, or a file on disk.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::exit::{Error, Result};
use super::local_time::parse_revision;
use super::stream_copy::read_error;
use crate::config::ModuleLimits;
use crate::names::{BranchName, ModuleHash, ModuleRef};
use crate::remote::StoreOperations;
use crate::store::Revision;

/// The prefix of an argument that is the path of a file on disk. Unlike `./` and `../`, it also works for absolute paths.
const FILE: &str = "file:";

/// One side of a diff.
#[derive(Clone, Debug)]
pub(super) enum DiffSide {
    /// A commit, a branch or a tag.
    Revision(Revision),
    /// A module or a file.
    Content(ContentName),
}

/// The name of a module or a file, whose bytes `diff` compares.
#[derive(Clone, Debug)]
pub(super) enum ContentName {
    /// A module in the store.
    Module(ModuleRef),
    /// A file on disk.
    File(PathBuf),
}

impl DiffSide {
    /// Finds out what an argument of `diff` names. An argument that begins with `./`, `../` or `file:` is a file, and one that begins with
    /// a slash or `sha256:` is a module. Any other argument is a commit, branch or tag if one has this name, and otherwise a module.
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
        let unknown = match parse_revision(text) {
            Ok(revision) => {
                let revision = revision.on_branch(branch.clone());
                match store.snapshot(&revision).map_err(Error::from) {
                    Ok(_) => return Ok(Self::Revision(revision)),
                    // `snapshot` fails for a branch without commits, but a diff accepts such a branch.
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
        // `contains` searches only the branch's current tree. A hash may belong to an older version, which is not in this tree. So the code
        // compares the hash with itself, which fails if the store has no such module. A path that ends with `.wasm` is treated as a module
        // even if there is none, so that the error says that the module does not exist.
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

    /// Returns the kind of this side, in words for an error message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Revision(_) => "a commit, branch or tag",
            Self::Content(ContentName::Module(_)) => "a module",
            Self::Content(ContentName::File(_)) => "a file",
        }
    }
}

impl ContentName {
    /// Returns the hash of the module, or `None` for a file, and the bytes. A path is looked up in the revision `tree`.
    ///
    /// # Errors
    /// The file cannot be read or is larger than the limit for modules; the module does not exist.
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

/// Reads a file that is at most as large as the default limit for modules.
///
/// # Errors
/// The file cannot be read, or is larger than the limit.
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
