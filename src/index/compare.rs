//! Everything that the index says of each commit, to be compared with what it should say.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::append::{NewChange, NewCommit};
use super::database::Reader;
use super::error::{Error, Result};
use super::query::commit_id;
use super::reach::Place;
use crate::names::CommitId;

/// What the index says of a commit, in few bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    parents: Vec<CommitId>,
    level: i64,
    mdate: i64,
    tree: Vec<u8>,
    /// The sum of a hash of each change.
    changes: u64,
}

impl Summary {
    /// What is to be said of a commit whose parents are known to `parent`.
    ///
    /// # Errors
    /// `Unknown` if a parent is not.
    pub fn of<'s>(
        commit: &NewCommit,
        parent: impl Fn(CommitId) -> Option<&'s Self>,
    ) -> Result<Self> {
        let (mut level, mut mdate) = (0, commit.date_s);
        for id in &commit.parents {
            let parent = parent(*id).ok_or(Error::Unknown)?;
            level = level.max(parent.level + 1);
            mdate = mdate.max(parent.mdate);
        }
        let changes = commit.changes.iter().map(|change| {
            let NewChange {
                path,
                module,
                is_own,
                ..
            } = change;
            number(
                path,
                module.as_ref().map(|module| module.as_bytes()),
                *is_own,
            )
        });
        Ok(Self {
            parents: commit.parents.clone(),
            level,
            mdate,
            tree: commit.tree.clone(),
            changes: changes.fold(0, u64::wrapping_add),
        })
    }
}

impl Reader {
    /// What the index says of every commit that was added.
    ///
    /// # Errors
    /// SQLite finds the file damaged.
    pub fn summaries(&self) -> Result<HashMap<CommitId, Summary>> {
        let db = self.connection();
        let found: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if found != "ok" {
            return Err(Error::Damaged("it is not a whole database"));
        }
        let mut ids: HashMap<Place, CommitId> = HashMap::new();
        let mut summaries: HashMap<Place, Summary> = HashMap::new();
        let mut commits = db.prepare(
            "SELECT lineage, gen, id, level, mdate, tree FROM commits ORDER BY lineage, gen",
        )?;
        let mut rows = commits.query([])?;
        while let Some(row) = rows.next()? {
            let place: Place = (row.get(0)?, row.get(1)?);
            let before = ids.get(&(place.0, place.1 - 1));
            let summary = Summary {
                parents: before.into_iter().copied().collect(),
                level: row.get(3)?,
                mdate: row.get(4)?,
                tree: row.get(5)?,
                changes: 0,
            };
            ids.insert(place, commit_id(&row.get::<_, Vec<u8>>(2)?)?);
            summaries.insert(place, summary);
        }
        let mut edges = db.prepare(
            "SELECT lineage, gen, to_lineage, to_gen FROM edges ORDER BY lineage, gen, nth",
        )?;
        let mut rows = edges.query([])?;
        while let Some(row) = rows.next()? {
            let child = summaries.get_mut(&(row.get(0)?, row.get(1)?));
            let parent = ids.get(&(row.get(2)?, row.get(3)?));
            let (child, parent) = child.zip(parent).ok_or(NOWHERE)?;
            child.parents.push(*parent);
        }
        let mut changes = db.prepare(
            "SELECT lineage, gen, paths.path, hash, own FROM changes
             LEFT JOIN paths ON paths.id = changes.path LEFT JOIN modules ON modules.id = module",
        )?;
        let mut rows = changes.query([])?;
        while let Some(row) = rows.next()? {
            let commit = summaries
                .get_mut(&(row.get(0)?, row.get(1)?))
                .ok_or(NOWHERE)?;
            let (path, hash): (Vec<u8>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
            let change = number(&path, hash.as_deref(), row.get(4)?);
            commit.changes = commit.changes.wrapping_add(change);
        }
        let named = summaries
            .into_iter()
            .map(|(place, summary)| (ids[&place], summary));
        Ok(named.collect())
    }
}

const NOWHERE: Error = Error::Damaged("it names a commit that it has not");

fn number(path: &[u8], module: Option<&[u8]>, is_own: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    (path, module, is_own).hash(&mut hasher);
    hasher.finish()
}
