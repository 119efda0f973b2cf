//! The type that describes a broken ref, and the hint how to repair the ref.

use std::fmt;

use crate::names::RefName;

/// A ref whose content or name is invalid, or whose target does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BrokenRef {
    /// The full name, such as `refs/heads/main`. Bytes that are not UTF-8 are replaced.
    pub name: String,
    /// The reason why the ref is broken, such as `its file is empty`.
    pub reason: String,
}

impl BrokenRef {
    /// Returns the hint for the user: how to delete or correct the ref.
    pub(crate) fn remedy(&self) -> String {
        let name = &self.name;
        match RefName::parse(name) {
            Ok(RefName::Branch(branch)) => {
                return format!("delete it with `wasmstore branch {branch} --delete`");
            }
            Ok(RefName::Tag(tag)) => {
                return format!("delete it with `wasmstore tag {tag} --delete`");
            }
            Ok(RefName::Oci) | Err(_) => {}
        }
        if !name.starts_with("refs/") {
            return format!("correct the file {name:?} of the repository");
        }
        // git does not delete a ref whose file has no valid content. Such a file must be removed by hand.
        format!(
            "remove the file {name:?} from the repository, or run `git update-ref --no-deref -d {name:?}` there"
        )
    }
}

impl fmt::Display for BrokenRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ref {} is broken: {}", self.name, self.reason)
    }
}
