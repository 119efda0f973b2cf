//! Summaries of all index entries, which `verify` compares with summaries computed from the repository.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::append::{ChangeEntry, CommitEntry};
use super::database::Reader;
use super::error::{Error, Result};
use super::query::commit_id;
use super::trunk::Position;
use crate::names::CommitId;

/// A summary of the index entry of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitSummary {
    parents: Vec<CommitId>,
    level: i64,
    mdate: i64,
    tree: Vec<u8>,
    /// The sum of the hashes of all changes that the commit makes. It does not depend on the order of the changes.
    changes: u64,
}

impl CommitSummary {
    /// Computes the summary that a commit should have. `summary_of` returns the summaries of its parents.
    ///
    /// # Errors
    /// Returns `UnknownCommit` if `summary_of` returns `None` for a parent.
    pub fn new<'s>(
        commit: &CommitEntry,
        summary_of: impl Fn(CommitId) -> Option<&'s Self>,
    ) -> Result<Self> {
        let (mut level, mut mdate) = (0, commit.date_s);
        for id in &commit.parents {
            let parent = summary_of(*id).ok_or(Error::UnknownCommit)?;
            level = level.max(parent.level + 1);
            mdate = mdate.max(parent.mdate);
        }
        let changes = commit.changes.iter().map(|change| {
            let ChangeEntry {
                path,
                module,
                is_own,
                ..
            } = change;
            hash_change(
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
    /// Returns the summaries of all commits, read from one snapshot of the database.
    ///
    /// # Errors
    /// SQLite reports the file as damaged.
    pub fn summaries(&self) -> Result<HashMap<CommitId, CommitSummary>> {
        // Without a transaction, commits that are added between the queries would be read in part.
        let db = Transaction::new_unchecked(self.connection(), TransactionBehavior::Deferred)?;
        let result: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if result != "ok" {
            return Err(Error::Damaged("SQLite's integrity check failed"));
        }
        let mut reader = SummaryReader::default();
        reader.read_commits(&db)?;
        reader.read_edges(&db)?;
        reader.read_changes(&db)?;
        let SummaryReader { ids, summaries } = reader;
        let by_id = summaries
            .into_iter()
            .map(|(position, summary)| (ids[&position], summary));
        Ok(by_id.collect())
    }
}

/// The commits that were read from the index so far: the ids and summaries of their index entries, by [`Position`].
#[derive(Default)]
struct SummaryReader {
    ids: HashMap<Position, CommitId>,
    summaries: HashMap<Position, CommitSummary>,
}

impl SummaryReader {
    fn read_commits(&mut self, db: &Connection) -> Result<()> {
        let mut select = db.prepare(
            "SELECT lineage, gen, id, level, mdate, tree FROM commits ORDER BY lineage, gen",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let position: Position = (row.get(0)?, row.get(1)?);
            let first_parent = self.ids.get(&(position.0, position.1 - 1));
            let summary = CommitSummary {
                parents: first_parent.into_iter().copied().collect(),
                level: row.get(3)?,
                mdate: row.get(4)?,
                tree: row.get(5)?,
                changes: 0,
            };
            self.ids
                .insert(position, commit_id(&row.get::<_, Vec<u8>>(2)?)?);
            self.summaries.insert(position, summary);
        }
        Ok(())
    }

    fn read_edges(&mut self, db: &Connection) -> Result<()> {
        let mut select = db.prepare(
            "SELECT lineage, gen, to_lineage, to_gen FROM edges ORDER BY lineage, gen, nth",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let child = self.summaries.get_mut(&(row.get(0)?, row.get(1)?));
            let parent = self.ids.get(&(row.get(2)?, row.get(3)?));
            let (child, parent) = child.zip(parent).ok_or(UNKNOWN_POSITION)?;
            child.parents.push(*parent);
        }
        Ok(())
    }

    fn read_changes(&mut self, db: &Connection) -> Result<()> {
        let mut select = db.prepare(
            "SELECT lineage, gen, paths.path, hash, own FROM changes
             LEFT JOIN paths ON paths.id = changes.path LEFT JOIN modules ON modules.id = module",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let commit = self
                .summaries
                .get_mut(&(row.get(0)?, row.get(1)?))
                .ok_or(UNKNOWN_POSITION)?;
            let (path, hash): (Vec<u8>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
            let change = hash_change(&path, hash.as_deref(), row.get(4)?);
            commit.changes = commit.changes.wrapping_add(change);
        }
        Ok(())
    }
}

const UNKNOWN_POSITION: Error = Error::Damaged("a row refers to a commit that is missing");

fn hash_change(path: &[u8], module: Option<&[u8]>, is_own: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    (path, module, is_own).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::index::Index;

    /// The number of commits that are added while summaries are read. Half of them are merges, which have edges.
    const COMMITS: u32 = 600;

    fn id(n: u32) -> CommitId {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        CommitId::from_bytes(&bytes).unwrap()
    }

    fn commit(n: u32) -> CommitEntry {
        let parents = match n {
            0 => vec![],
            n if n % 2 == 0 => vec![id(n - 2), id(n - 1)],
            n => vec![id(n - 1)],
        };
        let change = ChangeEntry {
            path: b"a".to_vec(),
            module: None,
            digest: None,
            is_own: true,
        };
        CommitEntry {
            id: id(n),
            parents,
            date_s: 0,
            tree: vec![0; 20],
            changes: vec![change],
        }
    }

    #[test]
    fn summaries_come_from_one_snapshot_while_commits_are_added() {
        let directory = tempfile::tempdir().unwrap();
        let index = Index::new(directory.path().join("wasmstore"));
        index.reader().unwrap().append(&[commit(0)]).unwrap();
        let add = || {
            let mut reader = index.reader().unwrap();
            (1..COMMITS).for_each(|n| reader.append(&[commit(n)]).unwrap());
        };
        thread::scope(|scope| {
            let adding = scope.spawn(add);
            let mut seen = 0;
            while !adding.is_finished() {
                let summaries = index.reader().unwrap().summaries().unwrap();
                // A snapshot has every commit up to some number, each with its change.
                assert!((0..summaries.len() as u32).all(|n| summaries.contains_key(&id(n))));
                for (id, summary) in &summaries {
                    assert_ne!(summary.changes, 0, "{id}");
                }
                assert!(summaries.len() >= seen);
                seen = summaries.len();
            }
        });
        assert_eq!(
            index.reader().unwrap().summaries().unwrap().len(),
            COMMITS as usize
        );
    }
}
