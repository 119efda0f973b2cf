//! Finds commits: by their position or date in the first-parent history of a commit, or by the first digits of their ids.

use rusqlite::{OptionalExtension, params};

use super::database::Reader;
use super::error::{Error, Result};
use super::query::commit_id;
use crate::names::CommitId;

impl Reader {
    /// Goes from `from` to the first parent, `count` times, and returns the commit there; `None` if the history is shorter.
    ///
    /// # Errors
    /// Returns `UnknownCommit` if `from` was not added.
    pub fn first_parent_ancestor(&self, from: CommitId, count: u32) -> Result<Option<CommitId>> {
        let reach = self.reach(from)?.ok_or(Error::UnknownCommit)?;
        let mut count = i64::from(count);
        for (lineage, gen_) in reach.segments() {
            if count <= gen_ {
                return self.commit_at(lineage, gen_ - count);
            }
            count -= gen_ + 1;
        }
        Ok(None)
    }

    /// Returns the newest commit in the first-parent history of `from`, including `from`, such that neither it nor any of its ancestors has
    /// a date after `until_s`; `None` if there is none.
    ///
    /// # Errors
    /// Returns `UnknownCommit` if `from` was not added.
    pub fn newest_until(&self, from: CommitId, until_s: i64) -> Result<Option<CommitId>> {
        let reach = self.reach(from)?.ok_or(Error::UnknownCommit)?;
        let mut is_late = self
            .connection()
            .prepare_cached("SELECT mdate > ? FROM commits WHERE lineage = ? AND gen = ?")?;
        for (lineage, last) in reach.segments() {
            // In a lineage, `mdate` (the latest date of a commit and its ancestors) never decreases, so a binary search finds the last
            // commit that is not too late.
            let (mut early, mut late) = (-1, last + 1);
            while late - early > 1 {
                let middle = early + (late - early) / 2;
                let at_middle = params![until_s, lineage, middle];
                if is_late.query_row(at_middle, |row| row.get(0))? {
                    late = middle;
                } else {
                    early = middle;
                }
            }
            if early >= 0 {
                return self.commit_at(lineage, early);
            }
        }
        Ok(None)
    }

    /// Returns the commits whose ids begin with these hex digits, sorted; at most `max` of them.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn commits_with_prefix(&self, digits: &str, max: usize) -> Result<Vec<CommitId>> {
        let Some((first, last)) = id_range(digits) else {
            return Ok(Vec::new());
        };
        let mut find = self.connection().prepare_cached(
            "SELECT id FROM commits WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
        )?;
        let mut rows = find.query(params![first, last, max as i64])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(commit_id(&row.get::<_, Vec<u8>>(0)?)?);
        }
        Ok(found)
    }

    fn commit_at(&self, lineage: i64, gen_: i64) -> Result<Option<CommitId>> {
        let mut select = self
            .connection()
            .prepare_cached("SELECT id FROM commits WHERE lineage = ? AND gen = ?")?;
        let id = select.query_row([lineage, gen_], |row| row.get::<_, Vec<u8>>(0));
        id.optional()?.map(|id| commit_id(&id)).transpose()
    }
}

/// Returns the lowest and the highest id that begin with these hex digits; `None` if `digits` has a character that is not a hex digit, or
/// is longer than an id.
fn id_range(digits: &str) -> Option<(Vec<u8>, [u8; 32])> {
    let (mut first, mut last) = (Vec::new(), [0xff; 32]);
    for (position, digit) in digits.chars().enumerate() {
        let value = u8::try_from(digit.to_digit(16)?).ok()?;
        let byte = last.get_mut(position / 2)?;
        if position.is_multiple_of(2) {
            first.push(value << 4);
            *byte = value << 4 | 0xf;
        } else {
            *first.last_mut()? |= value;
            *byte = *byte & 0xf0 | value;
        }
    }
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_exactly_the_ids_with_the_digits() {
        let (first, last) = id_range("aBc").unwrap();
        assert_eq!(first, [0xab, 0xc0]);
        assert_eq!(last[..3], [0xab, 0xcf, 0xff]);
        let (first, last) = id_range("ab").unwrap();
        assert_eq!((first, last[..2].to_vec()), (vec![0xab], vec![0xab, 0xff]));
        assert_eq!(id_range("xy"), None);
        assert_eq!(id_range(&"a".repeat(65)), None);
    }
}
