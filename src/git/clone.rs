//! Listing and cloning another repository: git-ls-remote(1), git-clone(1).

use std::ffi::OsStr;
use std::time::Duration;

use super::error::Error;
use super::program::Git;
use super::secret_config::SecretConfig;
use crate::names::{ObjectId, RemoteUrl};

/// The options for a clone. The clone contains nothing from the user's templates, its refs are files, and it shares no objects with
/// the original: even from a local directory, all objects are transferred and hashed on arrival.
const CLONE: [&str; 10] = [
    "-c",
    "clone.rejectShallow=true",
    "-c",
    "init.defaultRefFormat=files",
    "clone",
    "--bare",
    "--no-local",
    "--template=",
    "--quiet",
    "--",
];

impl Git {
    /// Returns the branches and tags of another repository: full names and the ids that they point to. Calls `tick` while it waits.
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
        let args = ["ls-remote", "--refs", "--heads", "--tags", "--", &plain_url];
        let (git_dir, secrets) = (Some(self.git_dir()), SecretConfig::of_url(url));
        let args = args.map(OsStr::new);
        let command = self.start(git_dir, "ls-remote", &args, &secrets, limit)?;
        let output = command.finish(tick)?;
        if !output.is_success {
            return Err(output.failure("ls-remote"));
        }
        let parse = |line: &str| {
            let (id, name) = line.split_once('\t')?;
            Some((name.to_owned(), ObjectId::parse(id)?))
        };
        Ok(output.stdout.lines().filter_map(parse).collect())
    }

    /// Creates the repository, which must not exist yet, as a bare clone with all branches and tags of another repository. Calls
    /// `tick` while it waits.
    ///
    /// # Errors
    /// As for [`ls_remote`](Self::ls_remote); if the other repository is shallow; if the directory cannot be written.
    pub fn clone_bare(
        &self,
        url: &RemoteUrl,
        limit: Duration,
        tick: &mut dyn FnMut(),
    ) -> Result<(), Error> {
        let plain_url = url.without_credentials();
        let target = [OsStr::new(&*plain_url), self.git_dir().as_os_str()];
        let args: Vec<&OsStr> = CLONE.iter().map(OsStr::new).chain(target).collect();
        let secrets = SecretConfig::of_url(url);
        let command = self.start(None, "clone", &args, &secrets, limit)?;
        let output = command.finish(tick)?;
        if output.is_success {
            Ok(())
        } else {
            Err(output.failure("clone"))
        }
    }
}
