//! The tips that decide which records of the OCI registry are removed.

use crate::names::{BranchName, CommitId};
use crate::repo::error::{Error, Result};
use crate::repo::refs::read::{HEADS, tips_of};
use crate::repo::refs::store::RefStore;

/// The tips of the refs that the OCI registry uses, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryTips {
    /// The tip of `refs/oci/records`; `None` if there are no records.
    pub records: Option<CommitId>,
    /// The branches and their tips.
    pub branches: Vec<(BranchName, CommitId)>,
}

impl RefStore {
    /// Returns the tips of the refs that the OCI registry uses. The caller holds `refs.lock`.
    ///
    /// # Errors
    /// As for [`Self::collectable_branch_tips`].
    pub(crate) fn registry_tips(&self) -> Result<RegistryTips> {
        Ok(RegistryTips {
            records: self.oci_tip()?,
            branches: self.collectable_branch_tips()?,
        })
    }

    /// Returns every branch with its tip, sorted by name, for deciding what `gc` removes. Symbolic refs are left out. Reads every ref
    /// again, because a removal must not rely on an earlier listing.
    ///
    /// # Errors
    /// `UncollectableRef` if a branch is broken: it is unknown what that branch needs, and this must not be removed. The refs cannot be
    /// read.
    pub(crate) fn collectable_branch_tips(&self) -> Result<Vec<(BranchName, CommitId)>> {
        let list = self.list(HEADS)?;
        match list.broken.into_iter().next() {
            Some(broken) => Err(Error::UncollectableRef(broken)),
            None => Ok(tips_of(list.refs)),
        }
    }
}
