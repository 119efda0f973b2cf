//! Looking at another repository, and copying it: git-ls-remote(1), git-clone(1).

use std::ffi::OsStr;
use std::time::Duration;

use super::program::{Error, Git};
use crate::names::{ObjectId, RemoteUrl};

/// How a copy is made. Nothing of the user's templates is in it, its refs are files, and no object is shared with the original,
/// not even where that is a folder beside it: they are all sent, and hashed as they come.
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
    /// The branches and tags of another repository: full names and what they point to. `tick` is called meanwhile.
    ///
    /// # Errors
    /// It cannot be reached, or is none; secrets of the URL may be in the text. git is missing or takes longer than `limit`.
    pub fn ls_remote(
        &self,
        url: &RemoteUrl,
        limit: Duration,
        tick: &mut dyn FnMut(),
    ) -> Result<Vec<(String, ObjectId)>, Error> {
        let args = [
            "ls-remote",
            "--refs",
            "--heads",
            "--tags",
            "--",
            url.secret(),
        ];
        let run = self.start("ls-remote", &args.map(OsStr::new), limit)?;
        let said = run.finish(tick)?;
        if !said.is_success {
            return Err(said.failure("ls-remote"));
        }
        let read = |line: &str| {
            let (id, name) = line.split_once('\t')?;
            Some((name.to_owned(), ObjectId::parse(id)?))
        };
        Ok(said.stdout.lines().filter_map(read).collect())
    }

    /// Makes the repository, which is not there yet, a bare one with all branches and tags of another and what they reach. `tick`
    /// is called meanwhile.
    ///
    /// # Errors
    /// As for [`ls_remote`](Self::ls_remote); it is shallow; the folder cannot be written.
    pub fn clone_bare(
        &self,
        url: &RemoteUrl,
        limit: Duration,
        tick: &mut dyn FnMut(),
    ) -> Result<(), Error> {
        let args = CLONE.iter().map(OsStr::new);
        let args = args.chain([OsStr::new(url.secret()), self.git_dir().as_os_str()]);
        let args: Vec<&OsStr> = args.collect();
        let said = self.start_on(None, "clone", &args, limit)?.finish(tick)?;
        match said.is_success {
            true => Ok(()),
            false => Err(said.failure("clone")),
        }
    }
}
