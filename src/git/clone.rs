//! Lists the refs of another repository and clones it: git-ls-remote(1), git-clone(1).
//!
//! Only branches, tags and `refs/oci/records` (the ref of the OCI registry) are listed and cloned.

use std::ffi::OsStr;
use std::time::Duration;

use super::error::Error;
use super::fetch::FetchSource;
use super::program::Git;
use super::secret_config::SecretConfig;
use crate::names::{ObjectId, RemoteUrl};

/// The arguments of git before the URL, for a clone. They have these effects: the clone contains no files from the user's templates. Its
/// refs are files, not a reftable. Even if the original is a local directory, git transfers and hashes all objects instead of linking or
/// copying the object files.
///
/// The refspec `refs/oci/*` is a pattern, because git fails if a refspec names a single ref that the other repository does not have.
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

/// Patterns that match the refs of a store. `git ls-remote` also lists a ref if only the end of its name matches a pattern, so its output
/// is filtered with [`is_of_store`].
pub(super) const STORE_REFS: [&str; 3] = ["refs/heads/*", "refs/tags/*", "refs/oci/records"];

/// Returns whether the full ref name `name` matches one of [`STORE_REFS`] from the beginning of the name.
pub(super) fn is_of_store(name: &str) -> bool {
    name == "refs/oci/records" || name.starts_with("refs/heads/") || name.starts_with("refs/tags/")
}

impl Git {
    /// Returns the branches, the tags and `refs/oci/records` of another repository: the full name of each ref, and the id to which it
    /// points. Calls `tick` several times per second while it waits.
    ///
    /// # Errors
    /// If `url` is not a repository or cannot be reached (the error text may contain secrets of the URL); if git is missing, or takes
    /// longer than `limit`.
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

    /// Creates the repository of `self`, which must be missing or an empty directory, as a bare clone of another repository, with all its
    /// branches, its tags and `refs/oci/records`. Calls `tick` several times per second while it waits.
    ///
    /// # Errors
    /// As for [`ls_remote`](Self::ls_remote); if the other repository is shallow; if the clone cannot be written.
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
