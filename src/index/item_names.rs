//! Finds the names of items that match a pattern.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::params;

use super::database::{Reader, lock};
use super::error::{Error, Result};
use super::search::{NOT_TEXT, NameFilter};

/// The maximum number of names of one kind that one search compares with its pattern.
const NAMES_MAX: usize = 1 << 20;

/// The maximum number of names in a range that are read from the database. For a longer range, all names are held in memory, because
/// reading a name from the database takes ten times as long as comparing it.
const READ_MAX: usize = 4096;

/// The maximum length of all names that are held in memory, in bytes.
const HELD_BYTES_MAX: usize = 16 << 20;

/// A range of names in the order of their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRange {
    /// The first name that may be in the range.
    pub start: String,
    /// The first name after the range; `None` if the range has no end.
    pub end: Option<String>,
}

impl NameRange {
    /// Returns the range of the names that begin with `prefix`.
    pub fn of_prefix(prefix: &str) -> Self {
        let mut end = prefix.to_owned();
        // The first name after the range is the prefix with its last character replaced by the next character. The last character of
        // Unicode has no next character. It is removed, and the character before it is replaced.
        let end = loop {
            let Some(last) = end.pop() else { break None };
            // The code points between these two are surrogates, which are not characters.
            let next = match last {
                '\u{d7ff}' => Some('\u{e000}'),
                last => char::from_u32(u32::from(last) + 1),
            };
            if let Some(next) = next {
                end.push(next);
                break Some(end);
            }
        };
        Self {
            start: prefix.to_owned(),
            end,
        }
    }

    /// Returns the range that contains only this name.
    pub fn of_name(name: &str) -> Self {
        Self {
            start: name.to_owned(),
            end: Some(format!("{name}\0")),
        }
    }

    /// Returns whether the range contains a name.
    pub fn contains(&self, name: &str) -> bool {
        self.start.as_str() <= name && self.end.as_deref().is_none_or(|end| name < end)
    }
}

/// The names of a database that are held in memory, by kind. Names are only ever added to a database, with increasing row ids.
#[derive(Clone, Debug, Default)]
pub(super) struct HeldNames {
    kinds: HashMap<i64, NamesOfKind>,
    /// The highest row id that was read.
    last: i64,
    bytes: usize,
}

/// The names of one kind, all in one string.
#[derive(Clone, Debug, Default)]
struct NamesOfKind {
    text: String,
    /// For each name, its end in `text`, in bytes, and its row id.
    names: Vec<(usize, i64)>,
}

impl Reader {
    /// Returns the row ids of the names that a filter accepts.
    pub(super) fn accepted_names(&self, filter: &NameFilter<'_>) -> Result<Vec<i64>> {
        let mut accepted = Vec::new();
        for range in filter.ranges {
            let read = accepted.len();
            if self.read_names(filter, range, READ_MAX, &mut accepted)? {
                continue;
            }
            accepted.truncate(read);
            match self.held_names()? {
                Some(held) => held.accepted(filter, range, &mut accepted),
                None if self.read_names(filter, range, NAMES_MAX, &mut accepted)? => {}
                None => return Err(Error::TooManyNames),
            }
        }
        Ok(accepted)
    }

    /// Adds to `accepted` the row ids of the names in a range that a filter accepts. Stops and returns false if the range contains more
    /// than `count_max` names.
    fn read_names(
        &self,
        filter: &NameFilter<'_>,
        range: &NameRange,
        count_max: usize,
        accepted: &mut Vec<i64>,
    ) -> Result<bool> {
        // In SQLite, every text sorts before every blob, so an empty blob is the end of a range that has no end.
        let mut find = self.connection().prepare_cached(
            "SELECT id, name FROM names WHERE kind = ? AND name >= ? AND name < coalesce(?, x'')",
        )?;
        let mut rows = find.query(params![filter.kind as i64, range.start, range.end])?;
        let mut compared = 0;
        while let Some(row) = rows.next()? {
            compared += 1;
            if compared > count_max {
                return Ok(false);
            }
            if (filter.accepts_name)(row.get_ref(1)?.as_str().map_err(|_| NOT_TEXT)?) {
                accepted.push(row.get(0)?);
            }
        }
        Ok(true)
    }

    /// Returns all names in the database. Reads only the names that were added since the last call. Returns `None` if they take more than
    /// [`HELD_BYTES_MAX`] bytes.
    fn held_names(&self) -> Result<Option<Arc<HeldNames>>> {
        let mut held = lock(&self.database.names);
        let mut find = self
            .connection()
            .prepare_cached("SELECT id, kind, name FROM names WHERE id > ? ORDER BY id")?;
        let mut rows = find.query([held.last])?;
        while let Some(row) = rows.next()? {
            if held.bytes > HELD_BYTES_MAX {
                Arc::make_mut(&mut held).kinds.clear();
                return Ok(None);
            }
            let name = row.get_ref(2)?.as_str().map_err(|_| NOT_TEXT)?;
            Arc::make_mut(&mut held).add(row.get(0)?, row.get(1)?, name);
        }
        Ok((held.bytes <= HELD_BYTES_MAX).then(|| Arc::clone(&held)))
    }
}

impl HeldNames {
    fn add(&mut self, id: i64, kind: i64, name: &str) {
        let names = self.kinds.entry(kind).or_default();
        names.text.push_str(name);
        names.names.push((names.text.len(), id));
        self.last = id;
        self.bytes += name.len() + size_of::<(usize, i64)>();
    }

    fn accepted(&self, filter: &NameFilter<'_>, range: &NameRange, accepted: &mut Vec<i64>) {
        let Some(names) = self.kinds.get(&(filter.kind as i64)) else {
            return;
        };
        let mut start = 0;
        for (end, id) in &names.names {
            let name = &names.text[start..*end];
            start = *end;
            if range.contains(name) && (filter.accepts_name)(name) {
                accepted.push(*id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_range_contains_the_names_with_its_prefix(prefix in "[ab\u{d7ff}\u{10ffff}]{0,3}", name in "[ab\u{d7ff}\u{e000}\u{10ffff}]{0,4}") {
            let range = NameRange::of_prefix(&prefix);
            prop_assert_eq!(range.contains(&name), name.starts_with(&prefix));
            prop_assert_eq!(NameRange::of_name(&prefix).contains(&name), name == prefix);
        }
    }
}
