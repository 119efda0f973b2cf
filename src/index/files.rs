//! Which file is the current one, and which number comes next.
//!
//! Each schema has names of its own. Programs of two versions may use a store at the same time, as when one server after the other
//! is upgraded: each would take the other's file for a damaged one, make it anew, and forget what was in dropped commits.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::Builder;

use super::error::{Error, Result};

const SUFFIX: &str = ".sqlite";

/// What SQLite has beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// How long a database's name can be, in bytes.
const NAME_BYTES_MAX: u64 = 64;

/// What all numbers are below: no clock comes there, and they can be added to.
const NUMBERS_END: u64 = 1 << 53;

/// How long it takes at most to make an empty database, in milliseconds.
const MADE_MAX_MS: u64 = 60_000;

/// How many numbers are tried before it is given up: other processes may take some meanwhile.
const TRIES_MAX: usize = 16;

/// The files of one schema in `ROOT/wasmstore`, which need not exist yet.
pub(super) struct Files {
    pub folder: PathBuf,
    /// The name of the file that has the current one's name in it, and what that begins with.
    stem: String,
}

impl Files {
    /// The first schema was there before a second one was thought of, and has no number in its names.
    pub fn new(folder: PathBuf, schema: i32) -> Self {
        let stem = match schema {
            1 => "index".to_owned(),
            later => format!("index-v{later}"),
        };
        Self { folder, stem }
    }

    /// The current file, as far as its name is known.
    pub fn current(&self) -> Option<PathBuf> {
        let name = read_name(&self.folder.join(&self.stem)).ok()?;
        self.number(name.trim()).map(|number| self.path_of(number))
    }

    /// Creates an empty file under a number that was never used.
    pub fn create_next(&self) -> Result<PathBuf> {
        match fs::create_dir(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io("create", &self.folder)(error));
            }
            _ => {}
        }
        let named = self.current();
        let named = named.and_then(|path| self.number(path.file_name()?.to_str()?));
        let last = self.numbers().into_iter().chain(named).max();
        // Numbers are times, so that none comes again when somebody deleted the files.
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = since.map_or(0, |since| since.as_millis() as u64);
        let after = last.map(|last| last + 1);
        let after = after.filter(|after| after + (TRIES_MAX as u64) < NUMBERS_END);
        let first = after.map_or(now_ms, |after| now_ms.max(after));
        for number in first..first + TRIES_MAX as u64 {
            let path = self.path_of(number);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(_) => return Ok(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("create", path)(error)),
            }
        }
        Err(Error::Damaged("there is no number left for it"))
    }

    /// Makes `path` the current file in the place of `replaced`, which is removed; and so is what others left there.
    pub fn make_current(&self, path: &Path, replaced: Option<&Path>) -> Result<()> {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let current = self.folder.join(&self.stem);
        let written = || {
            // Whoever may read the store may read it.
            let mode = Permissions::from_mode(0o666);
            let mut file = Builder::new().permissions(mode).tempfile_in(&self.folder)?;
            file.write_all(name.as_bytes())?;
            file.persist(&current)?;
            Ok(())
        };
        written().map_err(Error::io("write", &current))?;
        if let Some(replaced) = replaced.filter(|replaced| *replaced != path) {
            remove(replaced);
        }
        // What is younger another process may be making.
        let is_left = |left: &u64| {
            self.number(name)
                .is_some_and(|now| left + MADE_MAX_MS < now)
        };
        for left in self.numbers().into_iter().filter(is_left) {
            remove(&self.path_of(left));
        }
        Ok(())
    }

    fn path_of(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{}-{number}{SUFFIX}", self.stem))
    }

    fn number(&self, name: &str) -> Option<u64> {
        let digits = name.strip_prefix(self.stem.as_str())?.strip_prefix('-')?;
        let digits = digits.strip_suffix(SUFFIX)?;
        let number = digits.parse().ok().filter(|n| *n < NUMBERS_END)?;
        self.path_of(number).ends_with(name).then_some(number)
    }

    fn numbers(&self) -> Vec<u64> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| self.number(entry.file_name().to_str()?))
            .collect()
    }
}

/// Reads what the file says. Whatever else has its place is not waited for.
fn read_name(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut name = String::new();
    let mut bytes = File::open(path)?.take(NAME_BYTES_MAX);
    bytes.read_to_string(&mut name)?;
    Ok(name)
}

/// Whether SQLite would come upon something at `database` or beside it that is no file, as a pipe, which it might wait for.
pub(super) fn is_strange(database: &Path) -> bool {
    let mut paths = beside(database).chain([database.to_owned()]);
    paths.any(|path| fs::metadata(path).is_ok_and(|there| !there.is_file()))
}

/// Removes a database with what belongs to it, as far as it can be.
pub(super) fn remove(database: &Path) {
    let _ = fs::remove_file(database);
    remove_beside(database);
}

/// Removes what belongs to a database.
pub(super) fn remove_beside(database: &Path) {
    for path in beside(database) {
        // What stays is garbage that nobody opens.
        let _ = fs::remove_file(path);
    }
}

fn beside(database: &Path) -> impl Iterator<Item = PathBuf> {
    BESIDE.iter().map(|suffix| {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        path.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a file of a schema the current one, as if long after all others.
    fn renew(files: &Files, number: u64) -> PathBuf {
        let replaced = files.current();
        let path = files.path_of(number);
        fs::write(&path, "").unwrap();
        files.make_current(&path, replaced.as_deref()).unwrap();
        path
    }

    #[test]
    fn schemas_leave_each_others_files() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second, third] =
            [1, 2, 3].map(|schema| Files::new(folder.path().to_owned(), schema));
        let kept = renew(&second, 7);
        for number in [10 * MADE_MAX_MS, 20 * MADE_MAX_MS, 30 * MADE_MAX_MS] {
            renew(&first, number);
            renew(&third, number);
        }
        assert!(kept.ends_with("index-v2-7.sqlite"));
        assert_eq!(second.current(), Some(kept.clone()));
        assert_eq!(second.numbers(), [7]);
        assert!(kept.exists());
        assert_eq!(first.numbers(), [30 * MADE_MAX_MS]);
        assert!(renew(&second, 40 * MADE_MAX_MS).exists() && !kept.exists());
    }

    #[test]
    fn a_number_has_one_spelling() {
        let files = Files::new(PathBuf::new(), 1);
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
    fn numbers_do_not_run_out() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path().to_owned(), 1);
        for number in [NUMBERS_END - 1, NUMBERS_END, u64::MAX - 15, u64::MAX] {
            let name = format!("index-{number}.sqlite");
            fs::write(folder.path().join(&name), "").unwrap();
            fs::write(folder.path().join("index"), &name).unwrap();
            let current = files.current();
            let next = files.create_next().unwrap();
            files.make_current(&next, current.as_deref()).unwrap();
            assert_eq!(files.current(), Some(next), "{number}");
        }
    }
}
