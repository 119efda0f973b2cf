//! Which changes a commit reaches.
//!
//! A commit that reaches one of a lineage reaches all before it. Over first parents alone that is its trunk. Everything else comes
//! in over the further parents of a merge: from a change, every child that is an edge's end is followed upwards, until one is on
//! the trunk. What was followed in vain is not followed again for the next change.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::append::added;
use super::database::{Reader, lock};
use super::error::{Error, Result};
use crate::names::CommitId;

/// How many trunks are kept.
const TRUNKS_MAX: usize = 64;

/// A place: a lineage, and a gen in it.
pub(super) type Place = (i64, i64);

/// What the first commit of a lineage reaches over first parents.
#[derive(Debug, Default)]
pub(super) struct Trunk {
    /// The pieces, nearest first: lineages, and up to which gen.
    pub pieces: Vec<Place>,
    /// The position of each lineage in them.
    positions: HashMap<i64, usize>,
}

/// What one commit reaches.
pub(super) struct Reach<'r> {
    db: &'r Connection,
    lineage: i64,
    gen_: i64,
    trunk: Arc<Trunk>,
    /// Of other lineages: up to where it is known to be reached,
    reached: HashMap<i64, i64>,
    /// and from where on it is known not to be.
    missed: HashMap<i64, i64>,
}

impl Reader {
    /// What the commit reaches; `None` if the index does not know it.
    pub(super) fn reach(&self, tip: CommitId) -> Result<Option<Reach<'_>>> {
        let db = self.connection();
        let Some(tip) = added(db, tip)? else {
            return Ok(None);
        };
        Ok(Some(Reach {
            db,
            lineage: tip.lineage,
            gen_: tip.gen_,
            trunk: self.trunk(tip.lineage)?,
            reached: HashMap::new(),
            missed: HashMap::new(),
        }))
    }

    fn trunk(&self, lineage: i64) -> Result<Arc<Trunk>> {
        if let Some(trunk) = lock(&self.database.trunks).get(&lineage) {
            return Ok(Arc::clone(trunk));
        }
        let mut fork = self.connection().prepare_cached(
            "SELECT to_lineage, to_gen FROM edges WHERE lineage = ? AND gen = 0 AND nth = 0",
        )?;
        let mut trunk = Trunk::default();
        let mut next = lineage;
        while let Some(place) = fork
            .query_row([next], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
        {
            if place.0 >= next {
                return Err(Error::Damaged("a lineage forks from a later one"));
            }
            trunk.positions.insert(place.0, trunk.pieces.len());
            trunk.pieces.push(place);
            next = place.0;
        }
        let trunk = Arc::new(trunk);
        let mut trunks = lock(&self.database.trunks);
        if trunks.len() >= TRUNKS_MAX {
            trunks.clear();
        }
        trunks.insert(lineage, Arc::clone(&trunk));
        Ok(trunk)
    }
}

impl Reach<'_> {
    /// The pieces of the trunk, nearest first: lineages, and up to which gen.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Place> {
        let own = (self.lineage, self.gen_);
        std::iter::once(own).chain(self.trunk.pieces.iter().copied())
    }

    /// How many pieces of the trunk are nearer than the one that the place is on; `None` if it is on none.
    pub(super) fn distance(&self, (lineage, gen_): Place) -> Option<usize> {
        let (at, up_to) = if lineage == self.lineage {
            (0, self.gen_)
        } else {
            let at = *self.trunk.positions.get(&lineage)?;
            (at + 1, self.trunk.pieces[at].1)
        };
        (gen_ <= up_to).then_some(at)
    }

    /// Whether the commit at `place` is the one, or an ancestor of it.
    pub(super) fn reaches(&mut self, place: Place) -> Result<bool> {
        if self.distance(place).is_some() || is_up_to(&self.reached, place) {
            return Ok(true);
        }
        let mut children = self.db.prepare_cached(
            "SELECT lineage, min(gen) FROM edges WHERE to_lineage = ? AND to_gen >= ? GROUP BY lineage",
        )?;
        let mut seen: HashMap<i64, i64> = HashMap::new();
        let mut todo = vec![place];
        while let Some((lineage, gen_)) = todo.pop() {
            let in_vain =
                |from: &HashMap<i64, i64>| from.get(&lineage).is_some_and(|from| gen_ >= *from);
            if in_vain(&self.missed) || in_vain(&seen) {
                continue;
            }
            seen.insert(lineage, gen_);
            let mut rows = children.query([lineage, gen_])?;
            while let Some(row) = rows.next()? {
                let child = (row.get(0)?, row.get(1)?);
                if self.distance(child).is_some() || is_up_to(&self.reached, child) {
                    self.reached
                        .entry(place.0)
                        .and_modify(|up_to| *up_to = place.1.max(*up_to))
                        .or_insert(place.1);
                    return Ok(true);
                }
                todo.push(child);
            }
        }
        for (lineage, gen_) in seen {
            let from = self.missed.entry(lineage).or_insert(gen_);
            *from = gen_.min(*from);
        }
        Ok(false)
    }
}

fn is_up_to(reached: &HashMap<i64, i64>, (lineage, gen_): Place) -> bool {
    reached.get(&lineage).is_some_and(|up_to| gen_ <= *up_to)
}
