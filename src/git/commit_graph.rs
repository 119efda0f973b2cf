//! Writes and verifies commit-graphs: git-commit-graph(1).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::Error;
use super::program::Git;

/// How long git may take to write or verify a commit-graph.
const LIMIT: Duration = Duration::from_secs(3600);

/// The name of git's subcommand, and also of the file that it writes.
const COMMIT_GRAPH: &str = "commit-graph";

impl Git {
    /// Writes a commit-graph with changed-path filters, of all commits that are reachable from refs, into the empty directory `directory`.
    /// Returns the path of the commit-graph file, or `None` if the repository's configuration disables commit-graphs.
    ///
    /// # Errors
    /// If git is missing, fails (for example because a commit is missing) or takes longer than an hour; if the directory cannot be
    /// written; if the commit-graph is wrong: git 2.47 writes wrong generation numbers for dates after 2106.
    pub fn write_commit_graph(&self, directory: &Path) -> Result<Option<PathBuf>, Error> {
        self.borrow_objects(directory)
            .map_err(|source| Error::Spawn {
                command: COMMIT_GRAPH.to_owned(),
                source,
            })?;
        let args = [
            COMMIT_GRAPH,
            "write",
            "--reachable",
            "--changed-paths",
            "--no-progress",
        ];
        let git = self.with_object_directory(directory);
        git.run(COMMIT_GRAPH, args.iter().map(OsStr::new), Vec::new(), LIMIT)?;
        let graph = directory.join("info").join(COMMIT_GRAPH);
        if !graph.exists() {
            return Ok(None);
        }
        git.verify_commit_graph()?;
        Ok(Some(graph))
    }

    /// Runs `git commit-graph verify` on the commit-graph of the object directory, if there is one.
    ///
    /// # Errors
    /// If the commit-graph is wrong; if git is missing or takes longer than an hour.
    pub fn verify_commit_graph(&self) -> Result<(), Error> {
        let args = [COMMIT_GRAPH, "verify", "--no-progress"];
        let args = args.iter().map(OsStr::new);
        self.run(COMMIT_GRAPH, args, Vec::new(), LIMIT).map(drop)
    }

    /// Turns `directory` into an object directory that borrows the repository's objects (gitrepository-layout(5),
    /// `objects/info/alternates`). git can write a commit-graph only into an object directory. A separate one is used because in the
    /// repository's own object directory, git would compete with other git processes for the lock of the commit-graph file.
    fn borrow_objects(&self, directory: &Path) -> std::io::Result<()> {
        let objects = self.git_dir().join("objects");
        fs::create_dir(directory.join("info"))?;
        fs::write(
            directory.join("info/alternates"),
            [objects.as_os_str().as_bytes(), b"\n"].concat(),
        )
    }
}
