//! An open database file and the connections to it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::Connection;
use tempfile::TempDir;

use super::error::Result;
use super::item_names::HeldNames;
use super::module_rows::HeldRows;
use super::schema;
use super::trunk::Trunk;

/// The maximum number of idle connections that stay open.
const IDLE_MAX: usize = 8;

/// An open database file, with its idle connections and the values that are cached for it.
pub(super) struct Database {
    pub path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// The cached [`Trunk`]s, by the number of their lineage (a segment of first-parent history). They never become stale, because the
    /// commit from which a lineage forks never changes.
    pub trunks: Mutex<HashMap<i64, Arc<Trunk>>>,
    /// The row ids of modules that searches have read.
    pub rows: Mutex<HeldRows>,
    /// The names of items that searches have read.
    pub names: Mutex<Arc<HeldNames>>,
    /// For a private database, which only this process uses: its temporary directory, and the time of its creation. `None` for the
    /// database in `ROOT/wasmstore`, which all processes share.
    pub private: Option<(TempDir, Instant)>,
}

/// Identifies the database that a reader used.
pub struct DatabaseId(pub(super) Arc<Database>);

/// A connection to the index. The connection returns to the pool when the reader is dropped.
pub struct Reader {
    pub(super) database: Arc<Database>,
    connection: Option<Connection>,
}

impl Database {
    /// Opens the database at `path`.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self::new(path.to_owned(), schema::open(path)?, None))
    }

    /// Returns a database with one open connection. `private` is the temporary directory of a private database, and `None` for the shared
    /// one.
    pub fn new(path: PathBuf, connection: Connection, private: Option<TempDir>) -> Self {
        Self {
            path,
            idle: Mutex::new(vec![connection]),
            trunks: Mutex::default(),
            rows: Mutex::default(),
            names: Mutex::default(),
            private: private.map(|directory| (directory, Instant::now())),
        }
    }
}

impl Reader {
    /// Takes an idle connection to `database`, or opens another one.
    pub(super) fn new(database: &Arc<Database>) -> Result<Self> {
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

    /// Returns the id of the database, which the caller passes to [`Index::replace`](super::Index::replace) if the database is
    /// damaged.
    pub fn database_id(&self) -> DatabaseId {
        DatabaseId(Arc::clone(&self.database))
    }

    pub(super) fn connection(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("BUG: the connection is present until the reader is dropped")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let mut idle = lock(&self.database.idle);
        // A connection with an unfinished transaction is closed: it would keep its locks, and the next transaction on it would
        // fail.
        if idle.len() < IDLE_MAX && connection.is_autocommit() {
            idle.push(connection);
        }
    }
}

/// Locks a mutex whose data stays valid even if a thread panicked while holding it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
