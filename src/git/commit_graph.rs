//! Commit-graphs: git-commit-graph(1).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::program::{Error, Git};

/// How long git may take to write one.
const LIMIT: Duration = Duration::from_secs(3600);

const NAME: &str = "commit-graph";

impl Git {
    /// Writes a commit-graph with changed paths of every commit that a ref reaches, and returns its file, which is in the empty
    /// folder `folder`; `None` when the repository's configuration wants none.
    ///
    /// # Errors
    /// git is missing, fails (say, on a missing commit), or takes longer than an hour; the folder cannot be written to.
    pub fn write_commit_graph(&self, folder: &Path) -> Result<Option<PathBuf>, Error> {
        self.borrow_objects(folder).map_err(|source| Error::Spawn {
            command: NAME.to_owned(),
            source,
        })?;
        let args = [
            NAME,
            "write",
            "--reachable",
            "--changed-paths",
            "--no-progress",
        ];
        let git = self.writing_to(folder);
        git.run(NAME, args.iter().map(OsStr::new), Vec::new(), LIMIT)?;
        let graph = folder.join("info").join(NAME);
        Ok(graph.exists().then_some(graph))
    }

    /// Checks the commit-graph, if there is one.
    ///
    /// # Errors
    /// It is wrong; git is missing or takes longer than an hour.
    pub fn verify_commit_graph(&self) -> Result<(), Error> {
        let args = [NAME, "verify", "--no-progress"];
        let args = args.iter().map(OsStr::new);
        self.run(NAME, args, Vec::new(), LIMIT).map(drop)
    }

    /// Makes a folder of objects that has all those of the repository (gitrepository-layout(5), `objects/info/alternates`). git
    /// writes a graph only beside objects, and there it shares the file's lock with every other git.
    fn borrow_objects(&self, folder: &Path) -> std::io::Result<()> {
        let objects = self.git_dir().join("objects");
        fs::create_dir(folder.join("info"))?;
        fs::write(
            folder.join("info/alternates"),
            [objects.as_os_str().as_bytes(), b"\n"].concat(),
        )
    }
}
