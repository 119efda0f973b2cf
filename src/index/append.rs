//! Adding commits.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::database::Reader;
use super::error::{Error, Result};
use crate::names::{CommitId, Digest, ModuleHash};

/// A commit to be added; its parents were added before.
#[derive(Clone, Debug)]
pub struct NewCommit {
    /// Its id.
    pub id: CommitId,
    /// Its parents' ids, the first one first.
    pub parents: Vec<CommitId>,
    /// The author time, in seconds since 1970-01-01 UTC.
    pub date_s: i64,
    /// The id of its tree.
    pub tree: Vec<u8>,
    /// What is not as in its first parent, each path once; of a root, everything.
    pub changes: Vec<NewChange>,
}

/// A path that is not as in the first parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChange {
    /// The path, without a slash at its ends; the root is empty.
    pub path: Vec<u8>,
    /// The module that stands there; `None` if none does.
    pub module: Option<ModuleHash>,
    /// The module's digest, if it is known.
    pub digest: Option<Digest>,
    /// Whether the module, or that there is none, is not so in any parent.
    pub is_own: bool,
}

/// A commit's place, and what its children's follows from.
pub(super) struct Added {
    pub lineage: i64,
    pub gen_: i64,
    level: i64,
    mdate: i64,
}

impl Reader {
    /// Adds commits, parents first, in one transaction; those that are there already are left as they are.
    ///
    /// # Errors
    /// `Unknown` if a parent is not there.
    pub fn append(&mut self, commits: &[NewCommit]) -> Result<()> {
        let transaction = rusqlite::Transaction::new_unchecked(
            self.connection(),
            TransactionBehavior::Immediate,
        )?;
        for commit in commits {
            // Another process may have added it meanwhile.
            if added(&transaction, commit.id)?.is_none() {
                add(&transaction, commit)?;
            }
        }
        Ok(transaction.commit()?)
    }
}

fn add(db: &Connection, commit: &NewCommit) -> Result<()> {
    let mut parents = Vec::with_capacity(commit.parents.len());
    for parent in &commit.parents {
        parents.push(added(db, *parent)?.ok_or(Error::Unknown)?);
    }
    let (lineage, gen_) = match parents.first() {
        Some(parent) if is_newest(db, parent)? => (parent.lineage, parent.gen_ + 1),
        _ => (new_lineage(db)?, 0),
    };
    let level = parents.iter().map(|parent| parent.level + 1).max();
    let dates = parents.iter().map(|parent| parent.mdate);
    db.prepare_cached("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?)")?
        .execute(params![
            lineage,
            gen_,
            commit.id.as_bytes(),
            level.unwrap_or(0),
            dates.fold(commit.date_s, i64::max),
            commit.tree,
        ])?;
    let mut edge = db.prepare_cached("INSERT INTO edges VALUES (?, ?, ?, ?, ?)")?;
    for (nth, parent) in (0_i64..).zip(&parents) {
        if nth > 0 || gen_ == 0 {
            edge.execute(params![lineage, gen_, nth, parent.lineage, parent.gen_])?;
        }
    }
    let mut change = db.prepare_cached("INSERT INTO changes VALUES (?, ?, ?, ?, ?)")?;
    for NewChange {
        path,
        module,
        digest,
        is_own,
    } in &commit.changes
    {
        let path = path_number(db, path)?;
        let module = module.map(|module| module_number(db, module, *digest));
        change.execute(params![path, lineage, gen_, module.transpose()?, is_own])?;
    }
    Ok(())
}

/// A commit's place, if it is there.
pub(super) fn added(db: &Connection, id: CommitId) -> Result<Option<Added>> {
    let mut find =
        db.prepare_cached("SELECT lineage, gen, level, mdate FROM commits WHERE id = ?")?;
    let place = find.query_row([id.as_bytes()], |row| {
        Ok(Added {
            lineage: row.get(0)?,
            gen_: row.get(1)?,
            level: row.get(2)?,
            mdate: row.get(3)?,
        })
    });
    Ok(place.optional()?)
}

fn is_newest(db: &Connection, commit: &Added) -> Result<bool> {
    let mut next = db.prepare_cached("SELECT 1 FROM commits WHERE lineage = ? AND gen = ?")?;
    Ok(!next.exists([commit.lineage, commit.gen_ + 1])?)
}

fn new_lineage(db: &Connection) -> Result<i64> {
    let mut last = db.prepare_cached("SELECT coalesce(max(lineage), 0) + 1 FROM commits")?;
    Ok(last.query_row([], |row| row.get(0))?)
}

fn path_number(db: &Connection, path: &[u8]) -> Result<i64> {
    let mut find = db.prepare_cached("SELECT id FROM paths WHERE path = ?")?;
    if let Some(number) = find.query_row([path], |row| row.get(0)).optional()? {
        return Ok(number);
    }
    db.prepare_cached("INSERT INTO paths (path) VALUES (?)")?
        .execute([path])?;
    Ok(db.last_insert_rowid())
}

/// The number of a module; its digest is noted if it is news.
fn module_number(db: &Connection, hash: ModuleHash, digest: Option<Digest>) -> Result<i64> {
    let mut find = db.prepare_cached("SELECT id, length(sha256) FROM modules WHERE hash = ?")?;
    let found = find.query_row([hash.as_bytes()], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?))
    });
    let digest = digest.map(|digest| *digest.as_bytes());
    match found.optional()? {
        Some((number, length)) => {
            // It may have been unreadable, and is back.
            if length == Some(0) || (length.is_none() && digest.is_some()) {
                db.prepare_cached("UPDATE modules SET sha256 = ? WHERE id = ?")?
                    .execute(params![digest, number])?;
            }
            Ok(number)
        }
        None => {
            db.prepare_cached("INSERT INTO modules (hash, sha256) VALUES (?, ?)")?
                .execute(params![hash.as_bytes(), digest])?;
            Ok(db.last_insert_rowid())
        }
    }
}
