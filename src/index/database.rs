//! The current database, and connections to it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use super::error::{Error, Result};
use super::files::{self, Files};
use super::reach::Trunk;
use super::schema;

/// How many idle connections are kept.
const IDLE_MAX: usize = 8;

/// How often a database that cannot be opened is given up for another one.
const OPENINGS_MAX: usize = 4;

/// After what time one that is private is given up, to see whether the own folder can be written again.
const PRIVATE_MAX: Duration = Duration::from_secs(60);

/// The index of a store. Nothing is opened, and no file made, before it is asked for something.
pub struct Index {
    files: Files,
    current: Mutex<Option<Arc<Database>>>,
    /// Held by who adds commits: the others of this process need not do the same work.
    appending: Mutex<()>,
}

/// An open database file.
pub(super) struct Database {
    pub path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// What was found out about lineages: they do not change.
    pub trunks: Mutex<HashMap<i64, Arc<Trunk>>>,
    /// The folder that it is alone in, where `ROOT/wasmstore` cannot be written.
    private: Option<(TempDir, Instant)>,
}

/// Which database a reader asks.
pub struct Origin(Arc<Database>);

/// A connection that answers questions.
pub struct Reader {
    pub(super) database: Arc<Database>,
    connection: Option<Connection>,
}

impl Index {
    /// The index in the folder `ROOT/wasmstore`, which need not exist yet.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            files: Files::new(folder, schema::VERSION),
            current: Mutex::default(),
            appending: Mutex::default(),
        }
    }

    /// Opens the index, or makes an empty one if there is none that can be used.
    pub fn reader(&self) -> Result<Reader> {
        for _ in 1..OPENINGS_MAX {
            let database = self.database()?;
            match Reader::of(&database) {
                // It was given up meanwhile, or is to be.
                Err(error) if error.is_damage() || error.is_unwritable() => {
                    self.give_up(&database, &error)?;
                }
                opened => return opened,
            }
        }
        Reader::of(&self.database()?)
    }

    /// Waits until nobody else of this process adds commits.
    pub fn append_alone(&self) -> MutexGuard<'_, ()> {
        lock(&self.appending)
    }

    /// The same if nobody does at this moment.
    pub fn try_append_alone(&self) -> Option<MutexGuard<'_, ()>> {
        self.appending.try_lock().ok()
    }

    /// The index as it is, without making one where there is none.
    ///
    /// # Errors
    /// There is one, and it cannot be used.
    pub fn existing(&self) -> Result<Option<Reader>> {
        let Some(path) = self.files.current().filter(|path| path.exists()) else {
            return Ok(None);
        };
        match schema::open(&path) {
            // Another process made a new one at this moment.
            Err(_) if self.files.current().as_ref() != Some(&path) => self.reader().map(Some),
            Err(error) if !error.is_unwritable() => Err(error),
            _ => self.reader().map(Some),
        }
    }

    /// Gives up the database that `error` came of, unless somebody did. The next reader opens the current file, if it is another one
    /// by now, or makes a new one; in a folder for temporary files if the own one cannot be written.
    pub fn recover(&self, failed: &Origin, error: &Error) -> Result<()> {
        self.give_up(&failed.0, error)
    }

    fn give_up(&self, failed: &Arc<Database>, error: &Error) -> Result<()> {
        let mut current = lock(&self.current);
        if !current
            .as_ref()
            .is_some_and(|open| Arc::ptr_eq(open, failed))
        {
            return Ok(());
        }
        *current = None;
        let database = match self.other_than(Some(&failed.path)) {
            Some(other) if !error.is_unwritable() => other,
            _ if error.is_unwritable() && failed.private.is_none() => {
                tracing::warn!(folder = ?self.files.folder, %error, "the version index is kept in a folder for temporary files");
                self.private()?
            }
            _ if failed.private.is_some() => self.private()?,
            _ => self.create(Some(&failed.path))?,
        };
        *current = Some(Arc::new(database));
        Ok(())
    }

    /// Makes a new, empty index, and has it used by everybody.
    pub fn renew(&self) -> Result<()> {
        let mut current = lock(&self.current);
        let named = self.files.current();
        *current = Some(Arc::new(self.create(named.as_deref())?));
        Ok(())
    }

    /// Looks whether another process made a new index, or somebody deleted the one in use: it is not used any more then.
    pub fn refresh(&self) {
        let mut current = lock(&self.current);
        let Some(database) = &*current else {
            return;
        };
        if let Some((_, since)) = &database.private {
            // What was in the way may be gone.
            if since.elapsed() > PRIVATE_MAX {
                *current = None;
            }
            return;
        }
        let named = self.files.current();
        if named.as_ref() != Some(&database.path) || !database.path.exists() {
            *current = None;
        }
    }

    fn database(&self) -> Result<Arc<Database>> {
        let mut current = lock(&self.current);
        if let Some(database) = &*current {
            return Ok(Arc::clone(database));
        }
        let named = self.files.current();
        let opened = named.as_ref().map(|path| Database::open(path));
        let database = match opened {
            Some(Ok(database)) => database,
            Some(Err(error)) if error.is_unwritable() => self.private()?,
            Some(Err(error)) if !error.is_damage() => return Err(error),
            Some(Err(_)) | None => match self.create(named.as_deref()) {
                Err(error) if error.is_unwritable() => self.private()?,
                created => created?,
            },
        };
        Ok(Arc::clone(current.insert(Arc::new(database))))
    }

    /// The current file, if it is another than the `known` one, and can be used.
    fn other_than(&self, known: Option<&Path>) -> Option<Database> {
        let named = self
            .files
            .current()
            .filter(|named| Some(named.as_path()) != known);
        Database::open(&named?).ok()
    }

    /// A new, empty database, in the place of the `known` one; or the one that another process put there meanwhile.
    fn create(&self, known: Option<&Path>) -> Result<Database> {
        let path = self.files.create_next()?;
        let created = schema::create(&path).and_then(|connection| {
            if let Some(other) = self.other_than(known) {
                files::remove(&path);
                return Ok(other);
            }
            self.files.make_current(&path, known)?;
            Ok(Database::new(path.clone(), connection, None))
        });
        created.inspect_err(|_| files::remove(&path))
    }

    /// A database of this process alone. It begins as a copy of the current one, unless somebody writes there.
    fn private(&self) -> Result<Database> {
        let folder =
            tempfile::tempdir().map_err(Error::io("create", "a folder for temporary files"))?;
        let path = folder.path().join("index.sqlite");
        let copy = self
            .files
            .current()
            .filter(|from| copy_if_quiet(from, &path));
        let connection = copy.and_then(|_| schema::open(&path).ok());
        let connection = match connection {
            Some(connection) => connection,
            None => {
                fs::write(&path, []).map_err(Error::io("create", &path))?;
                schema::create(&path)?
            }
        };
        Ok(Database::new(path, connection, Some(folder)))
    }
}

/// Copies a database that nobody has open; whether it could.
fn copy_if_quiet(from: &Path, to: &Path) -> bool {
    let in_use = || {
        let mut wal = from.as_os_str().to_owned();
        wal.push("-wal");
        Path::new(&wal).exists()
    };
    let changed = || fs::metadata(from).and_then(|file| file.modified()).ok();
    // Not its permissions: what is read-only there is written here.
    let copy = || io::copy(&mut File::open(from)?, &mut File::create_new(to)?);
    let before = changed();
    !files::is_strange(from) && !in_use() && copy().is_ok() && !in_use() && changed() == before
}

impl Database {
    fn open(path: &Path) -> Result<Self> {
        Ok(Self::new(path.to_owned(), schema::open(path)?, None))
    }

    fn new(path: PathBuf, connection: Connection, private: Option<TempDir>) -> Self {
        let private = private.map(|folder| (folder, Instant::now()));
        Self {
            path,
            idle: Mutex::new(vec![connection]),
            trunks: Mutex::default(),
            private,
        }
    }
}

impl Reader {
    fn of(database: &Arc<Database>) -> Result<Self> {
        let idle = lock(&database.idle).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open(&database.path)?,
        };
        Ok(Self {
            database: Arc::clone(database),
            connection: Some(connection),
        })
    }

    /// What is to be given up if it is damaged.
    pub fn origin(&self) -> Origin {
        Origin(Arc::clone(&self.database))
    }

    pub(super) fn connection(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("BUG: it is there until it is dropped")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let mut idle = lock(&self.database.idle);
        // One whose transaction was cut short is not asked again.
        if idle.len() < IDLE_MAX && connection.is_autocommit() {
            idle.push(connection);
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
