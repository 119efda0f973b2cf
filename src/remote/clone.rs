//! Creates a store from another repository, for example from a mirror.

use std::path::Path;

use super::client::error_response::ErrorResponse;
use super::error::{Error, Result};
use crate::config::{MirrorLimits, PushLimits};
use crate::git::{FetchSource, Git};
use crate::names::{BranchName, RemoteUrl, ServerUrl};
use crate::store::Store;

/// Creates a store in the directory `root`, which must be missing or empty, from the repository at `url`. Copies all branches and tags, the
/// ref of the OCI registry (`refs/oci/records`), and all objects that are reachable from them. Sends the API key `key` to the server at
/// `url`, and to no other server. Returns the default branch of the new store: `branch`, or if that is `None`, the default branch of the
/// repository, else `main`, else the only branch. Calls `tick` several times per second while git works. If this function fails or the
/// process is killed, there is no store at `root`.
///
/// # Errors
/// `NoGit`; `root` is not empty; the key is missing or wrong; the repository cannot be reached in time, is shallow, has no branch, or exceeds the limits.
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
            .map_err(|error| as_refusal(error, url))
    })
}

/// Converts git's report that a wasmstore server did not accept the API key to the error that every other operation on the server returns.
fn as_refusal(error: Error, url: &RemoteUrl) -> Error {
    match ServerUrl::of_git(url) {
        Some(server) if error.is_git_authentication() => {
            Error::Refused(Box::new(ErrorResponse::unauthorized(&server)))
        }
        _ => error,
    }
}
