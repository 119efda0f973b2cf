//! The tables, and how a database is opened.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::{Error, Result};
use super::files;

/// Says that a database is ours: `PRAGMA application_id`.
const APPLICATION: i32 = 0x7761_736d;

/// The version of the schema: `PRAGMA user_version`, and part of the files' names, see `files.rs`. A file with another one is not
/// used.
pub(super) const VERSION: i32 = 1;

/// How long a statement waits for another process.
const BUSY_MAX: Duration = Duration::from_secs(30);

/// How many pages of 4 KiB the WAL takes before it is copied back.
const CHECKPOINT_PAGES: u32 = 4000;

/// How much a connection keeps of the database in memory, in KiB.
const CACHE_KIB: i64 = 4 << 10;

const TABLES: &str = "
    CREATE TABLE commits (
        lineage INTEGER NOT NULL,
        gen INTEGER NOT NULL,
        id BLOB NOT NULL,
        level INTEGER NOT NULL,
        mdate INTEGER NOT NULL,
        tree BLOB NOT NULL,
        PRIMARY KEY (lineage, gen)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX commits_id ON commits (id);
    CREATE TABLE edges (
        lineage INTEGER NOT NULL,
        gen INTEGER NOT NULL,
        nth INTEGER NOT NULL,
        to_lineage INTEGER NOT NULL,
        to_gen INTEGER NOT NULL,
        PRIMARY KEY (lineage, gen, nth)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX edges_to ON edges (to_lineage, to_gen);
    CREATE TABLE paths (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE) STRICT;
    CREATE TABLE modules (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, sha256 BLOB) STRICT;
    CREATE INDEX modules_sha256 ON modules (sha256) WHERE sha256 IS NOT NULL;
    CREATE INDEX modules_undigested ON modules (id) WHERE sha256 IS NULL;
    CREATE TABLE changes (
        path INTEGER NOT NULL,
        lineage INTEGER NOT NULL,
        gen INTEGER NOT NULL,
        module INTEGER,
        own INTEGER NOT NULL,
        PRIMARY KEY (path, lineage, gen)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX changes_module ON changes (module, path) WHERE module IS NOT NULL;
";

/// Makes a database in the empty file at `path`: with a WAL, or with a journal where memory cannot be shared between processes,
/// as on some network's file systems.
pub(super) fn create(path: &Path) -> Result<Connection> {
    let made = make(path, "WAL").or_else(|error| match error {
        Error::Sqlite(refused)
            if refused.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) =>
        {
            tracing::debug!(%refused, "the version index has no WAL");
            files::remove_beside(path);
            fs::write(path, []).map_err(Error::io("write", path))?;
            make(path, "TRUNCATE")
        }
        error => Err(error),
    });
    made.and_then(|_| open(path))
}

fn make(path: &Path, journal: &str) -> Result<()> {
    let connection = connect(path)?;
    connection.pragma_update_and_check(None, "journal_mode", journal, |_| Ok(()))?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         {TABLES}
         PRAGMA application_id = {APPLICATION};
         PRAGMA user_version = {VERSION};
         COMMIT;"
    ))?;
    Ok(())
}

/// Opens the database at `path`.
///
/// # Errors
/// It is not there, not ours, of another schema, or damaged; it cannot be written.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let connection = connect(path)?;
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if number("application_id")? != APPLICATION {
        return Err(Error::Damaged("it is not an index"));
    }
    if number("user_version")? != VERSION {
        return Err(Error::Damaged("it has another schema"));
    }
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        connection.pragma_update_and_check(None, "journal_mode", "TRUNCATE", |_| Ok(()))?;
        // A WAL's checksums tell what of it a power cut left; a journal's do not always.
        connection.pragma_update(None, "synchronous", "FULL")?;
    }
    Ok(connection)
}

fn connect(path: &Path) -> Result<Connection> {
    if path.try_exists().is_ok_and(|exists| !exists) {
        return Err(Error::Damaged("its file is gone"));
    }
    if files::is_strange(path) {
        return Err(Error::Damaged("it is no file"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_MAX)?;
    if connection.is_readonly("main")? {
        return Err(read_only());
    }
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn read_only() -> Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
    Error::Sqlite(rusqlite::Error::SqliteFailure(code, None))
}
