//! Checking what git derived: git-commit-graph(1).

use std::ffi::OsStr;
use std::time::Duration;

use super::run::{Error, Git};

/// How long git may take to check a store.
const LIMIT: Duration = Duration::from_secs(3600);

impl Git {
    /// Checks the commit-graph, if there is one.
    ///
    /// # Errors
    /// It is wrong; git is missing or takes longer than an hour.
    pub fn verify_commit_graph(&self) -> Result<(), Error> {
        let args = ["commit-graph", "verify", "--no-progress"];
        let args = args.iter().map(OsStr::new);
        self.run("commit-graph", args, Vec::new(), LIMIT).map(drop)
    }
}
