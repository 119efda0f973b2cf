//! The tables, and the settings that each connection is opened with.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::{Error, Result};
use super::files;

/// The `PRAGMA application_id` that marks a database as a version index.
pub(super) const APPLICATION_ID: i32 = 0x7761_736d;

/// The version of the schema, stored as `PRAGMA user_version`. It is also part of the file names, see `files.rs`. A file with another
/// version is not used.
pub(super) const VERSION: i32 = 2;

/// How long a statement waits for a lock that another process holds.
const BUSY_MAX: Duration = Duration::from_secs(30);

/// The number of 4 KiB pages in the WAL at which a checkpoint starts.
const CHECKPOINT_PAGES: u32 = 4000;

/// The size of the page cache of a connection, in KiB.
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
    CREATE TABLE modules (
        id INTEGER PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE,
        sha256 BLOB,
        size_bytes INTEGER,
        has_facts INTEGER NOT NULL DEFAULT FALSE
    ) STRICT;
    CREATE INDEX modules_sha256 ON modules (sha256) WHERE sha256 IS NOT NULL;
    CREATE INDEX modules_undigested ON modules (id) WHERE sha256 IS NULL;
    CREATE INDEX modules_without_facts ON modules (id) WHERE NOT has_facts;
    CREATE INDEX modules_size ON modules (size_bytes) WHERE size_bytes IS NOT NULL;
    CREATE TABLE facts (module INTEGER PRIMARY KEY, facts BLOB NOT NULL) STRICT;
    CREATE TABLE names (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name)) STRICT;
    CREATE TABLE types (id INTEGER PRIMARY KEY, type TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE items (
        name INTEGER NOT NULL,
        module INTEGER NOT NULL,
        version TEXT NOT NULL,
        type INTEGER NOT NULL,
        PRIMARY KEY (name, module, version, type)
    ) STRICT, WITHOUT ROWID;
    CREATE VIRTUAL TABLE words USING fts5(text, content='', columnsize=0);
    CREATE TABLE verdicts (hash BLOB PRIMARY KEY, version TEXT NOT NULL) STRICT, WITHOUT ROWID;
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

/// A table that was added later, without a new schema version. Opening an index creates the table if it is missing.
const MANIFESTS: &str = "
    CREATE TABLE IF NOT EXISTS manifests (
        digest BLOB PRIMARY KEY,
        config BLOB NOT NULL,
        hash BLOB NOT NULL,
        file_name TEXT NOT NULL,
        UNIQUE (hash, file_name)
    ) STRICT, WITHOUT ROWID;
";

/// Creates the tables in the empty file at `path`. Uses a WAL, or a rollback journal where processes cannot share memory, as on some
/// network file systems.
pub(super) fn create(path: &Path) -> Result<Connection> {
    let created = create_tables(path, "WAL").or_else(|error| match error {
        Error::Sqlite(refused)
            if refused.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) =>
        {
            tracing::debug!(%refused, "using a rollback journal instead of a WAL for the version index");
            files::remove_sidecars(path);
            fs::write(path, []).map_err(Error::io("write", path))?;
            create_tables(path, "TRUNCATE")
        }
        error => Err(error),
    });
    created.and_then(|_| open(path))
}

fn create_tables(path: &Path, journal: &str) -> Result<()> {
    let connection = connect(path)?;
    connection.pragma_update_and_check(None, "journal_mode", journal, |_| Ok(()))?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         {TABLES}
         {MANIFESTS}
         PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {VERSION};
         COMMIT;"
    ))?;
    Ok(())
}

/// Opens the database at `path`.
///
/// # Errors
/// The file is missing, damaged, not an index, of another schema version, or not writable.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let connection = connect(path)?;
    let read_integer = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if read_integer("application_id")? != APPLICATION_ID {
        return Err(Error::Damaged("the file is not an index"));
    }
    if read_integer("user_version")? != VERSION {
        return Err(Error::Damaged("the file has another schema version"));
    }
    if !connection.table_exists(None, "manifests")? {
        connection.execute_batch(MANIFESTS)?;
    }
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        connection.pragma_update_and_check(None, "journal_mode", "TRUNCATE", |_| Ok(()))?;
        // After a power cut, the checksums in a WAL show which part of it is intact. The checksums in a rollback journal do not always show
        // this, so the journal must be fsynced.
        connection.pragma_update(None, "synchronous", "FULL")?;
    }
    Ok(connection)
}

fn connect(path: &Path) -> Result<Connection> {
    if path.try_exists().is_ok_and(|exists| !exists) {
        return Err(Error::Damaged("the file is missing"));
    }
    if files::has_non_file(path) {
        return Err(Error::Damaged("it is not a regular file"));
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
