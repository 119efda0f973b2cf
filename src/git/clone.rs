//! Listing and cloning another repository: git-ls-remote(1), git-clone(1).
//!
//! Only branches, tags and the ref of the OCI registry are listed and cloned.

use std::ffi::OsStr;
use std::time::Duration;

use super::error::Error;
use super::fetch::FetchSource;
use super::program::Git;
use super::secret_config::SecretConfig;
use crate::names::{ObjectId, RemoteUrl};

/// The options for a clone. The clone contains nothing from the user's templates, its refs are files, and it shares no objects with
/// the original: even from a local directory, all objects are transferred and hashed on arrival.
///
/// The refspec is a pattern, because git fails if a refspec names a single ref that the other repository does not have.
const CLONE: [&str; 12] = [
    "-c",
    "clone.rejectShallow=true",
    "-c",
    "init.defaultRefFormat=files",
    "clone",
    "--bare",
    "--config",
    "remote.origin.fetch=+refs/oci/*:refs/oci/*",
    "--no-local",
    "--template=",
    "--quiet",
    "--",
];

/// The patterns of the refs that stores read and write. `git ls-remote` also lists the refs of which only the end of the name matches.
pub(super) const STORE_REFS: [&str; 3] = ["refs/heads/*", "refs/tags/*", "refs/oci/records"];

/// Returns whether a full name matches one of [`STORE_REFS`] from its beginning.
pub(super) fn is_of_store(name: &str) -> bool {
    name == "refs/oci/records" || name.starts_with("refs/heads/") || name.starts_with("refs/tags/")
}

impl Git {
    /// Returns the branches, tags and registry ref of another repository: their full names, and the ids to which they point. Calls `tick`
    /// while it waits.
    ///
    /// # Errors
    /// If `url` is not a repository or cannot be reached (the error text may contain secrets of the URL), if git is missing, or if
    /// it exceeds `limit`.
    pub fn ls_remote(
        &self,
        url: &RemoteUrl,
        limit: Duration,
        tick: &mut dyn FnMut(),
    ) -> Result<Vec<(String, ObjectId)>, Error> {
        let plain_url = url.without_credentials();
        let mut args = vec!["ls-remote", "--refs", "--", &plain_url];
        args.extend(STORE_REFS);
        let (git_dir, secrets) = (Some(self.git_dir()), SecretConfig::of_url(url));
        let args: Vec<&OsStr> = args.into_iter().map(OsStr::new).collect();
        let command = self.start(git_dir, "ls-remote", &args, &secrets, limit)?;
        let output = command.finish(tick)?;
        if !output.is_success {
            return Err(output.failure("ls-remote"));
        }
        let parse = |line: &str| {
            let (id, name) = line.split_once('\t')?;
            let name = Some(name).filter(|name| is_of_store(name))?;
            Some((name.to_owned(), ObjectId::parse(id)?))
        };
        Ok(output.stdout.lines().filter_map(parse).collect())
    }

    /// Creates the repository, which must not exist yet, as a bare clone with all branches, tags and the registry ref of another
    /// repository. Calls `tick` while it waits.
    ///
    /// # Errors
    /// As for [`ls_remote`](Self::ls_remote); if the other repository is shallow; if the directory cannot be written.
    pub fn clone_bare(
        &self,
        source: &FetchSource<'_>,
        tick: &mut dyn FnMut(),
    ) -> Result<(), Error> {
        let plain_url = source.url.without_credentials();
        let target = [OsStr::new(&*plain_url), self.git_dir().as_os_str()];
        let args: Vec<&OsStr> = CLONE.iter().map(OsStr::new).chain(target).collect();
        let secrets = source.secrets();
        let command = self.start(None, "clone", &args, &secrets, source.limit)?;
        let output = command.finish(tick)?;
        if output.is_success {
            Ok(())
        } else {
            Err(output.failure("clone"))
        }
    }
}
