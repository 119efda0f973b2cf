//! Creates a store from a clone of another repository.

use std::path::Path;

use super::error::{Error, Result};
use super::open::Store;
use crate::config::PushLimits;
use crate::names::BranchName;
use crate::repo::CloneTarget;

impl Store {
    /// Creates a store at `root`, which must be missing or empty. `clone` makes a bare clone in the directory that it is passed. The
    /// default branch is `branch`. If `branch` is `None`, it is the branch that the clone's `HEAD` refers to, else `main`, else the only
    /// branch. Returns the default branch. If this fails or is killed, no store exists.
    ///
    /// # Errors
    /// `root` is not empty; the error of `clone`; the clone cannot be a store, or the paths in a commit's tree are longer than `limits`
    /// allow.
    pub fn create_from_clone<E: From<Error>>(
        root: &Path,
        branch: Option<&BranchName>,
        limits: &PushLimits,
        clone: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<BranchName, E> {
        let target = CloneTarget::begin(root)
            .map_err(Error::from)?
            .ok_or_else(|| Error::TargetNotEmpty(root.to_owned()))?;
        clone(&target.clone_dir())?;
        Ok(target
            .finish(branch, limits.tree_path_bytes_max)
            .map_err(Error::from)?)
    }
}
