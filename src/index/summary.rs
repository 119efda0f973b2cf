//! Everything that the index says of each commit, to be compared with what it should say.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::append::{NewChange, NewCommit};
use super::database::Reader;
use super::error::{Error, Result};
use super::query::commit_id;
use super::reach::Place;
use crate::names::CommitId;

/// What the index says of a commit, in few bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitSummary {
    parents: Vec<CommitId>,
    level: i64,
    mdate: i64,
    tree: Vec<u8>,
    /// The sum of a hash of each change.
    changes: u64,
}

impl CommitSummary {
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
    /// What the index says, at one moment, of every commit that was added.
    ///
    /// # Errors
    /// SQLite finds the file damaged.
    pub fn summaries(&self) -> Result<HashMap<CommitId, CommitSummary>> {
        // What others add meanwhile would else be seen in part.
        let db = Transaction::new_unchecked(self.connection(), TransactionBehavior::Deferred)?;
        let found: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if found != "ok" {
            return Err(Error::Damaged("it is not a whole database"));
        }
        let mut told = Told::default();
        told.commits(&db)?;
        told.edges(&db)?;
        told.changes(&db)?;
        let Told { ids, summaries } = told;
        let named = summaries
            .into_iter()
            .map(|(place, summary)| (ids[&place], summary));
        Ok(named.collect())
    }
}

/// What was read so far.
#[derive(Default)]
struct Told {
    ids: HashMap<Place, CommitId>,
    summaries: HashMap<Place, CommitSummary>,
}

impl Told {
    fn commits(&mut self, db: &Connection) -> Result<()> {
        let mut commits = db.prepare(
            "SELECT lineage, gen, id, level, mdate, tree FROM commits ORDER BY lineage, gen",
        )?;
        let mut rows = commits.query([])?;
        while let Some(row) = rows.next()? {
            let place: Place = (row.get(0)?, row.get(1)?);
            let before = self.ids.get(&(place.0, place.1 - 1));
            let summary = CommitSummary {
                parents: before.into_iter().copied().collect(),
                level: row.get(3)?,
                mdate: row.get(4)?,
                tree: row.get(5)?,
                changes: 0,
            };
            self.ids
                .insert(place, commit_id(&row.get::<_, Vec<u8>>(2)?)?);
            self.summaries.insert(place, summary);
        }
        Ok(())
    }

    fn edges(&mut self, db: &Connection) -> Result<()> {
        let mut edges = db.prepare(
            "SELECT lineage, gen, to_lineage, to_gen FROM edges ORDER BY lineage, gen, nth",
        )?;
        let mut rows = edges.query([])?;
        while let Some(row) = rows.next()? {
            let child = self.summaries.get_mut(&(row.get(0)?, row.get(1)?));
            let parent = self.ids.get(&(row.get(2)?, row.get(3)?));
            let (child, parent) = child.zip(parent).ok_or(NOWHERE)?;
            child.parents.push(*parent);
        }
        Ok(())
    }

    fn changes(&mut self, db: &Connection) -> Result<()> {
        let mut changes = db.prepare(
            "SELECT lineage, gen, paths.path, hash, own FROM changes
             LEFT JOIN paths ON paths.id = changes.path LEFT JOIN modules ON modules.id = module",
        )?;
        let mut rows = changes.query([])?;
        while let Some(row) = rows.next()? {
            let commit = self
                .summaries
                .get_mut(&(row.get(0)?, row.get(1)?))
                .ok_or(NOWHERE)?;
            let (path, hash): (Vec<u8>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
            let change = number(&path, hash.as_deref(), row.get(4)?);
            commit.changes = commit.changes.wrapping_add(change);
        }
        Ok(())
    }
}

const NOWHERE: Error = Error::Damaged("it names a commit that it has not");

fn number(path: &[u8], module: Option<&[u8]>, is_own: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    (path, module, is_own).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::index::Index;

    /// How many commits are added meanwhile: half of them merges, which have edges.
    const COMMITS: u32 = 600;

    fn id(n: u32) -> CommitId {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        CommitId::from_bytes(&bytes).unwrap()
    }

    fn commit(n: u32) -> NewCommit {
        let parents = match n {
            0 => vec![],
            n if n % 2 == 0 => vec![id(n - 2), id(n - 1)],
            n => vec![id(n - 1)],
        };
        let change = NewChange {
            path: b"a".to_vec(),
            module: None,
            digest: None,
            is_own: true,
        };
        NewCommit {
            id: id(n),
            parents,
            date_s: 0,
            tree: vec![0; 20],
            changes: vec![change],
        }
    }

    #[test]
    fn what_is_added_meanwhile_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::new(folder.path().join("wasmstore"));
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
                // It is of one moment: each commit with its parents and with its change.
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
