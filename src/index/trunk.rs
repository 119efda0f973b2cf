//! The trunk of a lineage: the earlier lineages in its first-parent history. A lineage is a segment of first-parent history, see [`super`].

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::error::{Error, Result};

/// The position of a commit: the number of its lineage (a segment of first-parent history), and its gen (its number in the lineage).
pub(super) type Position = (i64, i64);

/// The other lineages (segments of first-parent history) that the first commit of a lineage reaches by following only first parents.
#[derive(Debug, Default)]
pub(super) struct Trunk {
    /// The lineages (segments of first-parent history) that the first commit of this lineage reaches, nearest first. Each is given as the
    /// position of the last one of its commits that is reached.
    pub segments: Vec<Position>,
    /// The index of each lineage in the list `segments`, by the number of the lineage.
    pub indices: HashMap<i64, usize>,
}

impl Trunk {
    /// Reads the [`Trunk`] of a lineage (a segment of first-parent history) from the database.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn read(db: &Connection, lineage: i64) -> Result<Self> {
        let mut select_fork = db.prepare_cached(
            "SELECT to_lineage, to_gen FROM edges WHERE lineage = ? AND gen = 0 AND nth = 0",
        )?;
        let mut trunk = Self::default();
        let mut next = lineage;
        while let Some(fork) = select_fork
            .query_row([next], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
        {
            let (lineage, _): Position = fork;
            // Without this check, a damaged file could make the loop endless.
            if lineage >= next {
                return Err(Error::Damaged("a lineage forks from a later one"));
            }
            trunk.indices.insert(lineage, trunk.segments.len());
            trunk.segments.push(fork);
            next = lineage;
        }
        Ok(trunk)
    }
}
