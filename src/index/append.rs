//! Adds commits to the index.

use rusqlite::{Connection, OptionalExtension, Params, TransactionBehavior, params};

use super::database::Reader;
use super::error::{Error, Result};
use crate::names::{CommitId, Digest, ModuleHash};

/// A commit to add to the index. Its parents must have been added before.
#[derive(Clone, Debug)]
pub struct CommitEntry {
    /// The commit id.
    pub id: CommitId,
    /// The ids of the parents, in order.
    pub parents: Vec<CommitId>,
    /// The author time, in seconds since 1970-01-01 UTC.
    pub date_s: i64,
    /// The id of the tree.
    pub tree: Vec<u8>,
    /// The tree entries that differ from the entries of the first parent, one per path; for a root commit, all entries.
    pub changes: Vec<ChangeEntry>,
}

/// A path at which the tree entry of a commit differs from the tree entry of its first parent: it was added, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeEntry {
    /// The path, without leading or trailing slashes; the root is the empty path.
    pub path: Vec<u8>,
    /// The module at the path in the commit's tree; `None` if there is none.
    pub module: Option<ModuleHash>,
    /// The module's digest, if it is known.
    pub digest: Option<Digest>,
    /// Whether `module` differs from the module at the path in each of the parents.
    pub is_own: bool,
}

/// The lineage, gen, level and mdate of a commit, which [`super`] defines. A child's level and mdate are computed from its parents' values.
pub(super) struct CommitRow {
    pub lineage: i64,
    pub gen_: i64,
    level: i64,
    mdate: i64,
}

impl Reader {
    /// Adds commits in one transaction. In `commits`, parents must come before their children. Skips commits that were added before.
    ///
    /// # Errors
    /// Returns `UnknownCommit` if a parent was not added.
    pub fn append(&mut self, commits: &[CommitEntry]) -> Result<()> {
        let transaction = rusqlite::Transaction::new_unchecked(
            self.connection(),
            TransactionBehavior::Immediate,
        )?;
        for commit in commits {
            // Another process may have added this commit since the caller listed the missing commits.
            if find_commit(&transaction, commit.id)?.is_none() {
                insert_commit(&transaction, commit)?;
            }
        }
        Ok(transaction.commit()?)
    }
}

fn insert_commit(db: &Connection, commit: &CommitEntry) -> Result<()> {
    let mut parents = Vec::with_capacity(commit.parents.len());
    for parent in &commit.parents {
        parents.push(find_commit(db, *parent)?.ok_or(Error::UnknownCommit)?);
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
    for ChangeEntry {
        path,
        module,
        digest,
        is_own,
    } in &commit.changes
    {
        let path = path_id(db, path)?;
        let module = module.map(|module| module_id(db, module, *digest));
        change.execute(params![path, lineage, gen_, module.transpose()?, is_own])?;
    }
    Ok(())
}

/// Finds a commit in the index; returns `None` if it was not added to the index.
pub(super) fn find_commit(db: &Connection, id: CommitId) -> Result<Option<CommitRow>> {
    let mut select =
        db.prepare_cached("SELECT lineage, gen, level, mdate FROM commits WHERE id = ?")?;
    let row = select.query_row([id.as_bytes()], |row| {
        Ok(CommitRow {
            lineage: row.get(0)?,
            gen_: row.get(1)?,
            level: row.get(2)?,
            mdate: row.get(3)?,
        })
    });
    Ok(row.optional()?)
}

/// Returns whether the commit is the newest one of its lineage (a segment of first-parent history), so that a child can extend the lineage.
fn is_newest(db: &Connection, commit: &CommitRow) -> Result<bool> {
    let mut next = db.prepare_cached("SELECT 1 FROM commits WHERE lineage = ? AND gen = ?")?;
    Ok(!next.exists([commit.lineage, commit.gen_ + 1])?)
}

/// Returns an unused number for a new lineage, which is a segment of first-parent history.
fn new_lineage(db: &Connection) -> Result<i64> {
    let mut last = db.prepare_cached("SELECT coalesce(max(lineage), 0) + 1 FROM commits")?;
    Ok(last.query_row([], |row| row.get(0))?)
}

/// Returns the row id of a path; inserts the path if it is new.
fn path_id(db: &Connection, path: &[u8]) -> Result<i64> {
    find_or_insert(
        db,
        "SELECT id FROM paths WHERE path = ?",
        "INSERT INTO paths (path) VALUES (?)",
        [path],
    )
}

/// Returns the row id that the statement `find` selects; runs the statement `insert` with the same parameters if there is none.
pub(super) fn find_or_insert(
    db: &Connection,
    find: &str,
    insert: &str,
    params: impl Params + Clone,
) -> Result<i64> {
    let mut find = db.prepare_cached(find)?;
    if let Some(id) = find
        .query_row(params.clone(), |row| row.get(0))
        .optional()?
    {
        return Ok(id);
    }
    db.prepare_cached(insert)?.execute(params)?;
    Ok(db.last_insert_rowid())
}

/// Returns the row id of a module. Inserts the module if it is new, and stores its digest if it was unknown.
fn module_id(db: &Connection, hash: ModuleHash, digest: Option<Digest>) -> Result<i64> {
    let mut find = db.prepare_cached("SELECT id, length(sha256) FROM modules WHERE hash = ?")?;
    let found = find.query_row([hash.as_bytes()], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?))
    });
    let digest = digest.map(|digest| *digest.as_bytes());
    match found.optional()? {
        Some((id, length)) => {
            // An empty digest marks a module that could not be read. The module was added again, so it may be readable now.
            if length == Some(0) {
                db.prepare_cached("UPDATE modules SET sha256 = ?, has_facts = FALSE WHERE id = ?")?
                    .execute(params![digest, id])?;
            } else if length.is_none() && digest.is_some() {
                db.prepare_cached("UPDATE modules SET sha256 = ? WHERE id = ?")?
                    .execute(params![digest, id])?;
            }
            Ok(id)
        }
        None => {
            db.prepare_cached("INSERT INTO modules (hash, sha256) VALUES (?, ?)")?
                .execute(params![hash.as_bytes(), digest])?;
            Ok(db.last_insert_rowid())
        }
    }
}
