//! The names of modules in the store and of files on disk, as arguments of commands that read either.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use super::args::ReadArgs;
use super::exit::{Error, Result};
use super::stream_copy::read_error;
use crate::config::ModuleLimits;
use crate::names::{self, ModuleHash, ModuleRef};
use crate::remote::StoreOperations;
use crate::store::{DescribedBytes, Revision};

/// The prefix of an argument that is the path of a file on disk. Unlike `./` and `../`, it also works for absolute paths.
const FILE: &str = "file:";

/// The name of a module in the store, or of a file on disk.
#[derive(Clone, Debug)]
pub(super) enum ContentName {
    /// A module in the store.
    Module(ModuleRef),
    /// A file on disk.
    File(PathBuf),
}

impl ContentName {
    /// Parses an argument of a command that describes a module: one that begins with `./`, `../` or `file:` is a file, any other one is a
    /// path, hash or digest in the store.
    ///
    /// # Errors
    /// The argument is malformed as the name of a module.
    pub fn parse(text: &str) -> Result<Self, names::Error> {
        match file_of(text) {
            Some(file) => Ok(Self::File(file)),
            None => ModuleRef::parse(text).map(Self::Module),
        }
    }

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

/// Returns the path of the file if an argument is marked as one.
pub(super) fn file_of(text: &str) -> Option<PathBuf> {
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

/// Validates the module in a file, and describes it. No store is needed.
///
/// # Errors
/// The file cannot be read, or is not a valid module; `read` selects a commit, which a file does not have.
pub(super) fn describe(file: &Path, read: &ReadArgs) -> Result<DescribedBytes> {
    if read.commit.is_some() {
        let reason = "--commit selects a tree of the store, but the argument is a file on disk";
        return Err(Error::Usage(reason));
    }
    let bytes = read_file(file)?;
    Ok(DescribedBytes::of(&file.to_string_lossy(), &bytes)?)
}

/// Returns the JSON of the description of a file. The hash is null: it depends on the object format of a store.
pub(super) fn json_of_file(description: &impl Serialize) -> Value {
    let mut json = json!(description);
    json["hash"] = Value::Null;
    json
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
