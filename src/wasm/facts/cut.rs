//! Lists that may be cut.

use serde::{Deserialize, Serialize};

/// A list that may be cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut<T> {
    /// The items that are listed.
    pub items: Vec<T>,
    /// The number of all items, listed or not.
    pub total: u64,
}

impl<T> Cut<T> {
    /// Returns whether items are left out.
    pub fn is_cut(&self) -> bool {
        (self.items.len() as u64) < self.total
    }
}

impl<T> Default for Cut<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            total: 0,
        }
    }
}

/// A list that is cut before the first item that does not fit.
#[derive(Debug)]
pub(super) struct CutList<T> {
    list: Cut<T>,
    /// The number of bytes of JSON that are left.
    left_bytes: usize,
    is_cut: bool,
}

impl<T> CutList<T> {
    /// Creates a list that takes at most `bytes_max` bytes of JSON.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            list: Cut::default(),
            left_bytes: bytes_max,
            is_cut: false,
        }
    }

    /// Returns whether the list takes no more items.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Counts an item that is left out after the cut.
    pub(super) fn count(&mut self) {
        self.list.total += 1;
    }

    /// Counts an item, and adds it if its JSON, of `bytes` bytes, fits.
    pub(super) fn push(&mut self, item: T, bytes: usize) {
        self.count();
        if self.is_cut || bytes > self.left_bytes {
            self.is_cut = true;
            return;
        }
        self.left_bytes -= bytes;
        self.list.items.push(item);
    }

    pub(super) fn finish(self) -> Cut<T> {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_before_the_first_item_that_does_not_fit() {
        let mut list = CutList::new(10);
        for (item, bytes) in [("a", 4), ("b", 6), ("c", 1), ("d", 0)] {
            list.push(item, bytes);
        }
        assert!(list.is_cut());
        let list = list.finish();
        assert_eq!((list.items.as_slice(), list.total), (&["a", "b"][..], 4));
        assert!(list.is_cut());
    }
}
