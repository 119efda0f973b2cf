//! Selects the largest parts (functions or data segments) of a module.

use super::cut::Cut;

/// The maximum number of parts (functions or data segments) that a [`Largest`] selects.
pub(super) const PARTS_MAX: usize = 4096;

/// A part of a module: a function or a data segment. Only the largest parts are selected.
pub(super) trait SizedPart {
    /// Returns the size of the part in the module, in bytes.
    fn size_bytes(&self) -> u64;

    /// Returns an upper bound on the length of the part's JSON, in bytes.
    fn json_bytes(&self) -> usize;
}

/// Collects the [`PARTS_MAX`] largest of many parts. If parts have the same size, the first ones are kept.
#[derive(Debug)]
pub(super) struct Largest<T> {
    parts: Vec<T>,
    total: u64,
}

impl<T> Default for Largest<T> {
    fn default() -> Self {
        Self {
            parts: Vec::new(),
            total: 0,
        }
    }
}

impl<T: SizedPart> Largest<T> {
    pub(super) fn push(&mut self, part: T) {
        self.total += 1;
        self.parts.push(part);
        if self.parts.len() >= 2 * PARTS_MAX {
            self.sort();
        }
    }

    /// Counts parts without adding them. Called for parts that cannot be selected, because [`PARTS_MAX`] other parts are at least as large.
    pub(super) fn count(&mut self, parts: u64) {
        self.total += parts;
    }

    /// Sorts the parts by size, and drops all but the [`PARTS_MAX`] largest. The sort is stable, so if parts have the same size, the first
    /// ones are kept.
    fn sort(&mut self) {
        self.parts
            .sort_by_cached_key(|part| std::cmp::Reverse(part.size_bytes()));
        self.parts.truncate(PARTS_MAX);
    }

    /// Returns the largest parts, the largest first. Their JSON has at most `bytes_max` bytes.
    pub(super) fn finish(mut self, bytes_max: usize) -> Cut<T> {
        self.sort();
        let mut left_bytes = bytes_max;
        let fits = |part: &&T| match left_bytes.checked_sub(part.json_bytes()) {
            Some(left) => {
                left_bytes = left;
                true
            }
            None => false,
        };
        let fitting = self.parts.iter().take_while(fits).count();
        self.parts.truncate(fitting);
        Cut {
            items: self.parts,
            total: self.total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    struct Part(u64, usize);

    impl SizedPart for Part {
        fn size_bytes(&self) -> u64 {
            self.0
        }

        fn json_bytes(&self) -> usize {
            10
        }
    }

    #[test]
    fn the_largest_parts_are_kept_in_the_order_of_their_sizes() {
        let mut largest = Largest::default();
        let count = 5 * PARTS_MAX;
        (0..count).for_each(|n| largest.push(Part((n % 1000) as u64, n)));
        let cut = largest.finish(30);
        assert_eq!(
            cut.items,
            [Part(999, 999), Part(999, 1999), Part(999, 2999)]
        );
        assert_eq!(cut.total, count as u64);
    }
}
