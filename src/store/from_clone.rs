//! Creates a store from a clone of another repository.

use std::path::Path;

use super::error::{Error, Result};
use super::open::Store;
use crate::config::PushLimits;
use crate::names::BranchName;
use crate::repo::CloneTarget;

impl Store {
    /// Creates a store at `root`, which must be missing or empty. Calls `clone` with the directory in which it must make a bare clone. The
    /// default branch becomes `branch`; if `branch` is `None`, the branch that the clone's `HEAD` refers to, else `main`, else the only
    /// branch. Returns the default branch. If this fails or the process is killed, no store exists at `root`.
    ///
    /// # Errors
    /// `root` is not empty; the error of `clone`; the clone cannot be used as a store, or the paths in the tree of a commit are longer than
    /// `limits` allow.
    pub fn create_from_clone<E: From<Error>>(
        root: &Path,
        branch: Option<&BranchName>,
        limits: &PushLimits,
        clone: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<BranchName, E> {
        let target = CloneTarget::begin(root)
            .map_err(Error::from)?
            .ok_or_else(|| Error::TargetNotEmpty(root.to_owned()))?;
        clone(target.clone_dir())?;
        Ok(target
            .finish(branch, limits.tree_path_bytes_max)
            .map_err(Error::from)?)
    }
}
