//! The two sides of a diff. Each is a commit, branch or tag, a module, or a file on disk.

use super::content_name::{ContentName, file_of};
use super::exit::{Error, Result};
use super::local_time::parse_revision;
use crate::names::{BranchName, ModuleRef};
use crate::remote::StoreOperations;
use crate::store::Revision;

/// One side of a diff.
#[derive(Clone, Debug)]
pub(super) enum DiffSide {
    /// A commit, a branch or a tag.
    Revision(Revision),
    /// A module or a file.
    Content(ContentName),
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
