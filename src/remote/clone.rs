//! Creation of a store from another repository, for example from a mirror.

use std::path::Path;

use super::error::{Error, Result};
use crate::config::{MirrorLimits, PushLimits};
use crate::git::{FetchSource, Git};
use crate::names::{BranchName, RemoteUrl};
use crate::store::Store;

/// Creates a store at `root`, which is missing or empty, from the repository at `url`. Copies all its branches and tags and its registry
/// ref, with everything they reach. `key` is sent to the server at `url`, and to no other one. The default branch is `branch`. If `branch` is `None`, it is the repository's default branch, else
/// `main`, else the only branch. Returns the default branch. Calls `tick` repeatedly while git works. If this fails or is killed, there is
/// no store at `root`.
///
/// # Errors
/// `NoGit`; `root` is not empty; the repository cannot be reached in time, is shallow, has no branch, or exceeds the limits.
pub fn clone(
    url: &RemoteUrl,
    key: Option<&str>,
    root: &Path,
    branch: Option<&BranchName>,
    limits: (MirrorLimits, PushLimits),
    tick: &mut dyn FnMut(),
) -> Result<BranchName> {
    let (time, size) = limits;
    Store::create_from_clone(root, branch, &size, |directory| {
        let git = Git::find(directory).ok_or(Error::NoGit)?;
        let header = key.map(|key| format!("Wasmstore-Auth: {key}"));
        let limit = time.push_timeout;
        let header = header.as_deref();
        git.clone_bare(&FetchSource { url, header, limit }, tick)
            .map_err(Error::git_remote(url))
    })
}
