//! The refs of a change.

use crate::names::{BranchName, RefName};
use crate::repo::error::Result;
use crate::repo::refs::store::RefStore;

/// The refs that a change reads and may move.
#[derive(Clone, Copy, Debug)]
pub enum ChangeRefs<'b> {
    /// One branch; `None` is the default branch.
    Branch(Option<&'b BranchName>),
    /// One branch (`None` is the default branch) and the ref of the OCI registry, `refs/oci/records`.
    BranchAndOci(Option<&'b BranchName>),
    /// The ref of the OCI registry, `refs/oci/records`.
    Oci,
}

impl ChangeRefs<'_> {
    /// Returns the names of the refs, the branch first.
    pub(crate) fn names(self, refs: &RefStore) -> Result<Vec<RefName>> {
        let branch = |branch| refs.resolve_branch(branch).map(RefName::from);
        Ok(match self {
            Self::Branch(name) => vec![branch(name)?],
            Self::BranchAndOci(name) => vec![branch(name)?, RefName::Oci],
            Self::Oci => vec![RefName::Oci],
        })
    }
}
