//! Fills a store with `git fast-import`.

use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use wasmstore::config::Options;
use wasmstore::names::ModulePath;
use wasmstore::store::{ObjectFormat, Store};

use crate::Result;
use crate::git::Git;
use crate::interrupt;
use crate::shape::{Shape, ShapeKind};

/// Creates a store at `root` and fills it.
pub fn create(root: &Path, shape: Shape) -> Result<Git> {
    let git = create_empty(root)?;
    match shape.kind {
        ShapeKind::Fan | ShapeKind::Flat => import(&git, |stream| {
            stream.commit("main", "main")?;
            (0..shape.count).try_for_each(|n| stream.put(&shape.path(n), &shape.module(n)))
        })?,
        ShapeKind::History => {
            import(&git, |stream| {
                (0..shape.count).try_for_each(|n| {
                    stream.commit("main", "main")?;
                    stream.put(&shape.changed_path(n), &shape.module(n))
                })
            })?;
            git.output(&["commit-graph", "write", "--reachable", "--changed-paths"])?;
        }
    }
    Ok(git)
}

/// Creates an empty store at `root`.
pub fn create_empty(root: &Path) -> Result<Git> {
    Store::open_or_create(root, Options::default(), ObjectFormat::Sha1)?;
    Ok(Git::new(root))
}

/// Imports the stream that `write` writes.
pub fn import(
    git: &Git,
    write: impl FnOnce(&mut ImportStream<'_>) -> io::Result<()>,
) -> Result<()> {
    git.feed(&["fast-import", "--quiet", "--done"], |out| {
        // All commits have the same date, so that none is older than its parent.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let mut stream = ImportStream {
            now_s: now.unwrap_or_default().as_secs(),
            branches: Vec::new(),
            out,
        };
        write(&mut stream)?;
        writeln!(stream.out, "done")
    })
}

/// The input of git-fast-import(1).
pub struct ImportStream<'o> {
    out: &'o mut dyn Write,
    now_s: u64,
    /// The branches that have a commit in this stream.
    branches: Vec<&'static str>,
}

impl ImportStream<'_> {
    /// Starts a commit on a branch. The parent of the branch's first commit is the old tip of `from`.
    pub fn commit(&mut self, branch: &'static str, from: &str) -> io::Result<()> {
        writeln!(self.out, "commit refs/heads/{branch}")?;
        writeln!(
            self.out,
            "committer bench <bench@localhost> {} +0000",
            self.now_s
        )?;
        self.data(b"Import")?;
        if !self.branches.contains(&branch) {
            self.branches.push(branch);
            writeln!(self.out, "from refs/heads/{from}^0")?;
        }
        Ok(())
    }

    /// Adds a module at a path to the current commit.
    pub fn put(&mut self, path: &ModulePath, module: &[u8]) -> io::Result<()> {
        interrupt::check()?;
        writeln!(self.out, "M 100644 inline {}", path.as_str())?;
        self.data(module)
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        writeln!(self.out, "data {}", bytes.len())?;
        self.out.write_all(bytes)?;
        writeln!(self.out)
    }
}
