//! Names the database files: finds the current database, and chooses the name of the next one.
//!
//! Each schema version has its own names. Programs of two versions may use a store at the same time, for example during a rolling upgrade.
//! With shared names, each program would take the other's file for a damaged one and rebuild it, and the entries of commits that the
//! repository no longer has would be lost.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::Builder;

use super::error::{Error, Result};
use crate::sharing::{create_shared_dir, share};

const SUFFIX: &str = ".sqlite";

/// The suffixes of the files that SQLite creates next to a database.
const SIDECARS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The maximum length of a database name, in bytes.
const NAME_BYTES_MAX: u64 = 64;

/// The numbers in the names of database files are below this limit. They are timestamps in milliseconds, which never reach it, and adding
/// to a smaller number cannot overflow.
const NUMBERS_END: u64 = 1 << 53;

/// The longest time that creating an empty database takes, in milliseconds.
const CREATION_MAX_MS: u64 = 60_000;

/// The maximum number of file numbers that one call tries for a new database. Other processes may take some of these numbers at the same
/// time.
const TRIES_MAX: usize = 16;

/// The index files of one schema version in `ROOT/wasmstore`.
pub(super) struct IndexFiles {
    /// `ROOT/wasmstore`, which may not exist yet.
    pub directory: PathBuf,
    /// The name of the file that contains the name of the current database, such as `index`. The database names start with the same
    /// word: `index-N.sqlite`.
    stem: String,
}

impl IndexFiles {
    /// Returns the index files of a schema version. The file names contain the version, except for version 1, which is older than this
    /// rule.
    pub fn new(directory: PathBuf, schema_version: i32) -> Self {
        let stem = match schema_version {
            1 => "index".to_owned(),
            later => format!("index-v{later}"),
        };
        Self { directory, stem }
    }

    /// Returns the path of the current database; `None` if no valid name is recorded.
    pub fn current(&self) -> Option<PathBuf> {
        let name = read_name(&self.directory.join(&self.stem)).ok()?;
        self.number(name.trim()).map(|number| self.path_of(number))
    }

    /// Creates an empty file for the next database. The name of the file has a number that was never used before.
    pub fn create_next(&self) -> Result<PathBuf> {
        match create_shared_dir(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io("create", &self.directory)(error));
            }
            _ => {}
        }
        let current = self.current();
        let named = current.and_then(|path| self.number(path.file_name()?.to_str()?));
        let last = self.numbers().into_iter().chain(named).max();
        // Numbers are timestamps, so that no number is reused after the files were deleted.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = since_epoch.map_or(0, |since| since.as_millis() as u64);
        let next = last
            .map(|last| last + 1)
            .filter(|next| next + (TRIES_MAX as u64) < NUMBERS_END);
        let first = next.map_or(now_ms, |next| now_ms.max(next));
        for number in first..first + TRIES_MAX as u64 {
            let path = self.path_of(number);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                // SQLite creates the sidecar files with the same permissions.
                Ok(_) => {
                    share(&path);
                    return Ok(path);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("create", path)(error)),
            }
        }
        Err(Error::Damaged("there is no free file number"))
    }

    /// Makes `path` the current database. Removes the database `replaced`, and all other databases that were created more than a
    /// minute before `path`.
    pub fn make_current(&self, path: &Path, replaced: Option<&Path>) -> Result<()> {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let current = self.directory.join(&self.stem);
        let write = || {
            // The file must be readable for everyone who can read the store; the umask applies.
            let mode = Permissions::from_mode(0o666);
            let mut file = Builder::new()
                .permissions(mode)
                .tempfile_in(&self.directory)?;
            file.write_all(name.as_bytes())?;
            file.persist(&current)?;
            share(&current);
            Ok(())
        };
        write().map_err(Error::io("write", &current))?;
        if let Some(replaced) = replaced.filter(|replaced| *replaced != path) {
            remove(replaced);
        }
        // Younger files are kept, because another process may still be creating one of them.
        let is_abandoned = |number: &u64| {
            self.number(name)
                .is_some_and(|now| number + CREATION_MAX_MS < now)
        };
        for number in self.numbers().into_iter().filter(is_abandoned) {
            remove(&self.path_of(number));
        }
        Ok(())
    }

    /// Returns the path of the database with the file number `number`.
    fn path_of(&self, number: u64) -> PathBuf {
        self.directory
            .join(format!("{}-{number}{SUFFIX}", self.stem))
    }

    /// Returns the file number in `name`; `None` if `name` is not the name of a database of this schema version.
    fn number(&self, name: &str) -> Option<u64> {
        let suffixed = name.strip_prefix(self.stem.as_str())?.strip_prefix('-')?;
        let digits = suffixed.strip_suffix(SUFFIX)?;
        let number = digits.parse().ok().filter(|n| *n < NUMBERS_END)?;
        self.path_of(number).ends_with(name).then_some(number)
    }

    /// Returns the file numbers of all database files that exist.
    fn numbers(&self) -> Vec<u64> {
        let entries = fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        entries
            .filter_map(|entry| self.number(entry.file_name().to_str()?))
            .collect()
    }
}

/// Reads the name of the current database. Anything but a regular file is an error: opening a pipe would block.
fn read_name(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut name = String::new();
    let mut bytes = File::open(path)?.take(NAME_BYTES_MAX);
    bytes.read_to_string(&mut name)?;
    Ok(name)
}

/// Returns whether the database or one of its sidecar files is something other than a regular file, such as a pipe, on which SQLite
/// might block.
pub(super) fn has_non_file(database: &Path) -> bool {
    let mut paths = sidecars(database).chain([database.to_owned()]);
    paths.any(|path| fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()))
}

/// Removes a database and its sidecar files. Ignores errors.
pub(super) fn remove(database: &Path) {
    let _ = fs::remove_file(database);
    remove_sidecars(database);
}

/// Removes the sidecar files of a database. Ignores errors.
pub(super) fn remove_sidecars(database: &Path) {
    for path in sidecars(database) {
        // A file that cannot be removed does no harm, because no database gets this name again.
        let _ = fs::remove_file(path);
    }
}

/// Returns the path of the WAL of a database.
pub(super) fn wal(database: &Path) -> PathBuf {
    sidecar(database, "-wal")
}

fn sidecars(database: &Path) -> impl Iterator<Item = PathBuf> {
    SIDECARS.iter().map(|suffix| sidecar(database, suffix))
}

fn sidecar(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a new file the current one of its schema version; `number` is its creation time.
    fn replace_current(files: &IndexFiles, number: u64) -> PathBuf {
        let replaced = files.current();
        let path = files.path_of(number);
        fs::write(&path, "").unwrap();
        files.make_current(&path, replaced.as_deref()).unwrap();
        path
    }

    #[test]
    fn schema_versions_keep_each_others_files() {
        let directory = tempfile::tempdir().unwrap();
        let [first, second, third] =
            [1, 2, 3].map(|version| IndexFiles::new(directory.path().to_owned(), version));
        let kept = replace_current(&second, 7);
        for number in [
            10 * CREATION_MAX_MS,
            20 * CREATION_MAX_MS,
            30 * CREATION_MAX_MS,
        ] {
            replace_current(&first, number);
            replace_current(&third, number);
        }
        assert!(kept.ends_with("index-v2-7.sqlite"));
        assert_eq!(second.current(), Some(kept.clone()));
        assert_eq!(second.numbers(), [7]);
        assert!(kept.exists());
        assert_eq!(first.numbers(), [30 * CREATION_MAX_MS]);
        assert!(replace_current(&second, 40 * CREATION_MAX_MS).exists() && !kept.exists());
    }

    #[test]
    fn each_number_has_one_valid_name() {
        let files = IndexFiles::new(PathBuf::new(), 1);
        assert_eq!(files.number("index-12.sqlite"), Some(12));
        for name in [
            "index-012.sqlite",
            "index-+1.sqlite",
            "index-.sqlite",
            "a/index-1.sqlite",
            "index-v2-1.sqlite",
            "index-9007199254740992.sqlite",
            "index-18446744073709551615.sqlite",
        ] {
            assert_eq!(files.number(name), None, "{name}");
        }
    }

    #[test]
    fn huge_numbers_do_not_block_new_files() {
        let directory = tempfile::tempdir().unwrap();
        let files = IndexFiles::new(directory.path().to_owned(), 1);
        for number in [NUMBERS_END - 1, NUMBERS_END, u64::MAX - 15, u64::MAX] {
            let name = format!("index-{number}.sqlite");
            fs::write(directory.path().join(&name), "").unwrap();
            fs::write(directory.path().join("index"), &name).unwrap();
            let current = files.current();
            let next = files.create_next().unwrap();
            files.make_current(&next, current.as_deref()).unwrap();
            assert_eq!(files.current(), Some(next), "{number}");
        }
    }
}
