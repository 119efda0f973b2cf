//! The cursor of `watch --since-file`: a file with the last commit that was handled.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use super::exit::{Error, Result};
use super::output_file::{self, WriteFailure};
use crate::names::{BranchName, CommitId};

/// The maximum size of the cursor file, in bytes. The longest line has a commit of 64 digits and a branch of 255 bytes.
const FILE_BYTES_MAX: u64 = 1024;

/// A cursor file. It has one line: a commit, a space, and the branch that is watched. Each write replaces the file atomically.
#[derive(Debug)]
pub(super) struct WatchCursor {
    path: PathBuf,
    branch: BranchName,
}

impl WatchCursor {
    /// Returns the cursor in a file, and its commit. If the file does not exist, creates it with the commit that `start` returns. So no
    /// event is missed even if `watch` restarts before the first event.
    ///
    /// # Errors
    /// The file cannot be read or written, does not contain a cursor, or contains the cursor of another branch.
    pub fn open(
        path: PathBuf,
        branch: BranchName,
        start: impl FnOnce() -> Result<CommitId>,
    ) -> Result<(Self, CommitId)> {
        let cursor = Self { path, branch };
        if let Some(commit) = cursor.read()? {
            return Ok((cursor, commit));
        }
        let commit = start()?;
        cursor.advance(commit)?;
        Ok((cursor, commit))
    }

    /// Writes a commit to the file. The caller must have handled this commit and all earlier ones, because a restarted `watch` begins after
    /// it.
    pub fn advance(&self, commit: CommitId) -> Result<()> {
        let line = format!("{commit} {}\n", self.branch);
        output_file::write(&self.path, |file| {
            file.write_all(line.as_bytes()).map_err(WriteFailure::File)
        })
    }

    /// Returns the error for a cursor whose commit the store does not have.
    pub fn lost(&self, source: Error) -> Error {
        Error::LostCursor {
            path: self.path.clone(),
            source: Box::new(source),
        }
    }

    fn read(&self) -> Result<Option<CommitId>> {
        let mut text = String::new();
        let read = File::open(&self.path)
            .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                let path = self.path.clone();
                return Err(Error::Input { path, source });
            }
        }
        let malformed = || Error::CursorFile(self.path.clone());
        let (commit, branch) = text.trim_end().split_once(' ').ok_or_else(malformed)?;
        let commit = CommitId::parse(commit).map_err(|_| malformed())?;
        let branch = BranchName::parse(branch).map_err(|_| malformed())?;
        if branch != self.branch {
            return Err(Error::CursorBranch {
                path: self.path.clone(),
                branch,
                watched: self.branch.clone(),
            });
        }
        Ok(Some(commit))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn open(path: &std::path::Path, branch: &str) -> Result<(WatchCursor, CommitId)> {
        let start = || Ok("1".repeat(40).parse().unwrap());
        WatchCursor::open(path.to_owned(), branch.parse().unwrap(), start)
    }

    #[test]
    fn a_cursor_continues_where_it_was_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cursor");
        let (cursor, commit) = open(&path, "feat/ä").unwrap();
        assert_eq!(commit, "1".repeat(40).parse().unwrap());
        let (_, commit) = open(&path, "feat/ä").unwrap();
        assert_eq!(commit, "1".repeat(40).parse().unwrap());
        let next: CommitId = "2".repeat(64).parse().unwrap();
        cursor.advance(next).unwrap();
        assert_eq!(open(&path, "feat/ä").unwrap().1, next);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn other_files_and_cursors_of_other_branches_are_rejected() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cursor");
        for text in ["", "\n", "main", "1 main\n", "\0\0", &"1".repeat(2000)] {
            fs::write(&path, text).unwrap();
            let error = open(&path, "main").unwrap_err();
            assert!(matches!(error, Error::CursorFile(_)), "{text:?}: {error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::write(&path, format!("{} main\n", "1".repeat(40))).unwrap();
        let error = open(&path, "side").unwrap_err();
        assert!(matches!(error, Error::CursorBranch { .. }), "{error}");
    }
}
