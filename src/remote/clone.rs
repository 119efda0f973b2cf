//! A store from another repository: the way back from a mirror.

use std::path::Path;
use std::time::Duration;

use super::error::{Error, Result};
use crate::git::Git;
use crate::names::{BranchName, RemoteUrl};
use crate::store::Store;

/// Makes a store at `root`, which is missing or empty, of what is at `url`: every branch and tag with all that they reach. Its
/// default branch is `branch`, or the one over there, or `main`, or the only one; returns it. `tick` is called meanwhile. If this
/// fails or is killed, there is no store.
///
/// # Errors
/// `NoGit`; something is at `root`; the other repository cannot be reached within `limit`, is shallow, or has no branch.
pub fn clone(
    url: &RemoteUrl,
    root: &Path,
    branch: Option<&BranchName>,
    limit: Duration,
    tick: &mut dyn FnMut(),
) -> Result<BranchName> {
    Store::create_from_clone(root, branch, |folder| {
        let git = Git::find(folder).ok_or(Error::NoGit)?;
        git.clone_bare(url, limit, tick)
            .map_err(Error::git_remote(url))
    })
}
