//! Copies a database of schema version 1, so that its entries of commits that the repository no longer has are kept.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params_from_iter};

use super::error::{Error, Result};
use super::schema::APPLICATION_ID;

/// The tables of schema version 1 with their columns. Version 2 has these columns with the same meaning, and further columns, which have
/// default values.
const TABLES: [(&str, &str); 5] = [
    ("commits", "lineage, gen, id, level, mdate, tree"),
    ("edges", "lineage, gen, nth, to_lineage, to_gen"),
    ("paths", "id, path"),
    ("modules", "id, hash, sha256"),
    ("changes", "path, lineage, gen, module, own"),
];

/// Copies the rows of the database `old` to an empty database in one transaction. `old` is only read: a program of an earlier version may
/// still use it.
///
/// # Errors
/// `old` cannot be read, or is not a database of schema version 1. Then nothing is copied.
pub(super) fn copy_version_1(old: &Path, new: &Connection) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let old = Connection::open_with_flags(old, flags)?;
    let read_integer = |name| old.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if read_integer("application_id")? != APPLICATION_ID || read_integer("user_version")? != 1 {
        return Err(Error::Damaged("the file has another schema version"));
    }
    // One snapshot of all tables: another process may be adding commits.
    let old = Transaction::new_unchecked(&old, TransactionBehavior::Deferred)?;
    let new = Transaction::new_unchecked(new, TransactionBehavior::Immediate)?;
    for (table, columns) in TABLES {
        let count = columns.split(", ").count();
        let marks = vec!["?"; count].join(", ");
        let mut insert =
            new.prepare(&format!("INSERT INTO {table} ({columns}) VALUES ({marks})"))?;
        let mut select = old.prepare(&format!("SELECT {columns} FROM {table}"))?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..count).map(|nth| row.get::<_, Value>(nth));
            insert.execute(params_from_iter(values.collect::<Result<Vec<_>, _>>()?))?;
        }
    }
    Ok(new.commit()?)
}
