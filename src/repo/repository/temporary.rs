//! A repository for the tests of `repo`.

use tempfile::TempDir;

use super::Repository;
use crate::repo::ObjectFormat;

impl Repository {
    /// Creates a repository with the branch `main` in a temporary directory, which is removed when the returned guard is dropped.
    pub(crate) fn temporary(format: ObjectFormat) -> (TempDir, Self) {
        let dir = tempfile::tempdir().unwrap();
        let main = "main".parse().unwrap();
        let made = Self::open_or_create(dir.path(), &Default::default(), format, &main);
        (dir, made.unwrap())
    }
}
