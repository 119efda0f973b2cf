//! Opens, creates, replaces and rebuilds the current database.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::Connection;

use super::database::{Database, DatabaseId, Reader, lock};
use super::error::{Error, Result};
use super::files::{self, IndexFiles};
use super::{migrate, schema};

/// The maximum number of attempts to open the database in one call. If a database is damaged or cannot be written, the next attempt uses
/// another one.
const OPENINGS_MAX: usize = 4;

/// How long a private database (see [`Index::create_private`]) is used before the process tries `ROOT/wasmstore` again.
const PRIVATE_MAX: Duration = Duration::from_secs(60);

/// The version index of a store. No file is opened or created before the first query.
pub struct Index {
    files: IndexFiles,
    current: Mutex<Option<Arc<Database>>>,
    /// Held while commits are added, so that two threads of this process do not do the same work.
    append_lock: Mutex<()>,
}

impl Index {
    /// Returns the index in `directory`, which is `ROOT/wasmstore` and may not exist yet.
    pub fn new(directory: PathBuf) -> Self {
        Self {
            files: IndexFiles::new(directory, schema::VERSION),
            current: Mutex::default(),
            append_lock: Mutex::default(),
        }
    }

    /// Opens the index. Creates an empty one if there is no usable database.
    pub fn reader(&self) -> Result<Reader> {
        for _ in 1..OPENINGS_MAX {
            let database = self.database()?;
            match Reader::new(&database) {
                Err(error) if error.is_damage() || error.is_unwritable() => {
                    self.replace_database(&database, &error)?;
                }
                opened => return opened,
            }
        }
        Reader::new(&self.database()?)
    }

    /// Opens the index if it exists; otherwise returns `None`.
    ///
    /// # Errors
    /// The index exists and cannot be used.
    pub fn existing(&self) -> Result<Option<Reader>> {
        let Some(path) = self.files.current().filter(|path| path.exists()) else {
            return Ok(None);
        };
        match schema::open(&path) {
            // Another process replaced the index between the two calls of `current`.
            Err(_) if self.files.current().as_ref() != Some(&path) => self.reader().map(Some),
            Err(error) if !error.is_unwritable() => Err(error),
            _ => self.reader().map(Some),
        }
    }

    /// Waits until no other thread of this process is adding commits. Other threads cannot add commits until the guard is dropped.
    pub fn begin_append(&self) -> MutexGuard<'_, ()> {
        lock(&self.append_lock)
    }

    /// Like [`begin_append`](Self::begin_append), but returns `None` instead of waiting.
    pub fn begin_append_if_idle(&self) -> Option<MutexGuard<'_, ()>> {
        self.append_lock.try_lock().ok()
    }

    /// Replaces the database `failed`, which returned `error`, unless another thread has already replaced it. If another process has
    /// created a new database, opens that one. Otherwise creates a new one, in a temporary directory if `ROOT/wasmstore` cannot be written.
    pub fn replace(&self, failed: &DatabaseId, error: &Error) -> Result<()> {
        self.replace_database(&failed.0, error)
    }

    fn replace_database(&self, failed: &Arc<Database>, error: &Error) -> Result<()> {
        let mut current = lock(&self.current);
        if !current
            .as_ref()
            .is_some_and(|open| Arc::ptr_eq(open, failed))
        {
            return Ok(());
        }
        *current = None;
        let database = match self.open_replacement(Some(&failed.path)) {
            Some(replacement) if !error.is_unwritable() => replacement,
            _ if error.is_unwritable() && failed.private.is_none() => {
                tracing::warn!(
                    directory = ?self.files.directory,
                    %error,
                    "keeping the version index in a temporary directory"
                );
                self.create_private()?
            }
            _ if failed.private.is_some() => self.create_private()?,
            _ => self.create(Some(&failed.path), |_| ())?,
        };
        *current = Some(Arc::new(database));
        Ok(())
    }

    /// Creates a new, empty index and makes it the current one for every process.
    pub fn reset(&self) -> Result<()> {
        let mut current = lock(&self.current);
        let named = self.files.current();
        *current = Some(Arc::new(self.create(named.as_deref(), |_| ())?));
        Ok(())
    }

    /// Stops using the open database if it was replaced or deleted, or if it is a private database of this process that is older than
    /// `PRIVATE_MAX`. The next call of [`reader`](Self::reader) then opens the current database.
    pub fn refresh(&self) {
        let mut current = lock(&self.current);
        let Some(database) = &*current else {
            return;
        };
        if let Some((_, created)) = &database.private {
            // `ROOT/wasmstore` may be writable again.
            if created.elapsed() > PRIVATE_MAX {
                *current = None;
            }
            return;
        }
        let named = self.files.current();
        if named.as_ref() != Some(&database.path) || !database.path.exists() {
            *current = None;
        }
    }

    /// Returns the open database; opens or creates one if none is open.
    fn database(&self) -> Result<Arc<Database>> {
        let mut current = lock(&self.current);
        if let Some(database) = &*current {
            return Ok(Arc::clone(database));
        }
        let named = self.files.current();
        let opened = named.as_ref().map(|path| Database::open(path));
        let database = match opened {
            Some(Ok(database)) => database,
            Some(Err(error)) if error.is_unwritable() => self.create_private()?,
            Some(Err(error)) if !error.is_damage() => return Err(error),
            Some(Err(_)) | None => match self.create(named.as_deref(), |new| {
                if named.is_none() {
                    self.copy_earlier_version(new);
                }
            }) {
                Err(error) if error.is_unwritable() => self.create_private()?,
                created => created?,
            },
        };
        Ok(Arc::clone(current.insert(Arc::new(database))))
    }

    /// Opens the current database if it is usable and is another one than the database `replaced`.
    fn open_replacement(&self, replaced: Option<&Path>) -> Option<Database> {
        let named = self.files.current()?;
        if Some(named.as_path()) == replaced {
            return None;
        }
        Database::open(&named).ok()
    }

    /// Creates a new database that takes the place of `replaced`. `fill` can add rows before other processes use the database. If another
    /// process has created a database in the meantime, opens that one.
    fn create(&self, replaced: Option<&Path>, fill: impl FnOnce(&Connection)) -> Result<Database> {
        let path = self.files.create_next()?;
        let created = schema::create(&path).and_then(|connection| {
            fill(&connection);
            if let Some(replacement) = self.open_replacement(replaced) {
                files::remove(&path);
                return Ok(replacement);
            }
            self.files.make_current(&path, replaced)?;
            Ok(Database::new(path.clone(), connection, None))
        });
        created.inspect_err(|_| files::remove(&path))
    }

    /// Copies the index of the earlier schema version, if there is one. If that fails, everything can be computed again except the entries
    /// of commits that the repository no longer has, so the error is only logged.
    fn copy_earlier_version(&self, connection: &Connection) {
        let earlier = IndexFiles::new(self.files.directory.clone(), 1);
        let Some(old) = earlier.current().filter(|path| path.exists()) else {
            return;
        };
        if let Err(error) = migrate::copy_version_1(&old, connection) {
            tracing::info!(file = ?old, %error, "not using the version index of an earlier version");
        }
    }

    /// Creates a private database, which only this process uses, in a temporary directory. The private database is a copy of the current
    /// database if no process has the current database open; otherwise it is empty.
    fn create_private(&self) -> Result<Database> {
        let directory =
            tempfile::tempdir().map_err(Error::io("create", "a temporary directory"))?;
        let path = directory.path().join("index.sqlite");
        let copied = self
            .files
            .current()
            .filter(|current| copy_if_idle(current, &path));
        let copy = copied.and_then(|_| schema::open(&path).ok());
        let connection = match copy {
            Some(connection) => connection,
            None => {
                fs::write(&path, []).map_err(Error::io("create", &path))?;
                schema::create(&path)?
            }
        };
        Ok(Database::new(path, connection, Some(directory)))
    }
}

/// Copies a database if no process has it open. Returns whether the database was copied.
fn copy_if_idle(from: &Path, to: &Path) -> bool {
    let is_in_use = || files::wal(from).exists();
    let modified = || fs::metadata(from).and_then(|file| file.modified()).ok();
    // Does not copy the permissions: the original may be read-only, and the copy must be writable.
    let copy = || io::copy(&mut File::open(from)?, &mut File::create_new(to)?);
    let modified_before = modified();
    !files::has_non_file(from)
        && !is_in_use()
        && copy().is_ok()
        && !is_in_use()
        && modified() == modified_before
}
