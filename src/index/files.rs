//! Which file is the current one, and which number comes next.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::Builder;

use super::error::{Error, Result};

/// The file that has the current one's name in it.
const CURRENT: &str = "index";
const PREFIX: &str = "index-";
const SUFFIX: &str = ".sqlite";

/// How long it takes at most to make an empty database, in milliseconds.
const MADE_MAX_MS: u64 = 60_000;

/// How many numbers are tried before it is given up: other processes may take some meanwhile.
const TRIES_MAX: usize = 16;

/// The current file in `folder`, as far as its name is known.
pub(super) fn current(folder: &Path) -> Option<PathBuf> {
    let name = fs::read_to_string(folder.join(CURRENT)).ok()?;
    number(name.trim()).map(|number| folder.join(name_of(number)))
}

/// Creates an empty file under a number that was never used.
pub(super) fn create_next(folder: &Path) -> Result<PathBuf> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::io("create", folder)(error));
        }
        _ => {}
    }
    let named = current(folder);
    let named = named.and_then(|path| number(path.file_name()?.to_str()?));
    let last = numbers(folder).into_iter().chain(named).max();
    // Numbers are times, so that none comes again when somebody deleted the files.
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_ms = since.map_or(0, |since| since.as_millis() as u64);
    let first = last.map_or(now_ms, |last| now_ms.max(last + 1));
    for number in first..first + TRIES_MAX as u64 {
        let path = folder.join(name_of(number));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("create", path)(error)),
        }
    }
    Err(Error::Damaged("there is no number left for it"))
}

/// Makes `path` the current file in the place of `replaced`, which is removed; and so is what others left there.
pub(super) fn make_current(folder: &Path, path: &Path, replaced: Option<&Path>) -> Result<()> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let written = || {
        // Whoever may read the store may read it.
        let mode = Permissions::from_mode(0o666);
        let mut file = Builder::new().permissions(mode).tempfile_in(folder)?;
        file.write_all(name.as_bytes())?;
        file.persist(folder.join(CURRENT))?;
        Ok(())
    };
    written().map_err(Error::io("write", folder.join(CURRENT)))?;
    if let Some(replaced) = replaced.filter(|replaced| *replaced != path) {
        remove(replaced);
    }
    // What is younger another process may be making.
    let is_left = |left: &u64| number(name).is_some_and(|now| left + MADE_MAX_MS < now);
    for left in numbers(folder).into_iter().filter(is_left) {
        remove(&folder.join(name_of(left)));
    }
    Ok(())
}

/// Removes a database with what belongs to it, as far as it can be.
pub(super) fn remove(database: &Path) {
    let _ = fs::remove_file(database);
    remove_beside(database);
}

/// Removes what belongs to a database.
pub(super) fn remove_beside(database: &Path) {
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        // What stays is garbage that nobody opens.
        let _ = fs::remove_file(path);
    }
}

fn name_of(number: u64) -> String {
    format!("{PREFIX}{number}{SUFFIX}")
}

fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    digits
        .parse()
        .ok()
        .filter(|number| name_of(*number) == name)
}

fn numbers(folder: &Path) -> Vec<u64> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| number(entry.file_name().to_str()?))
        .collect()
}
