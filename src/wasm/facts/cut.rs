//! Lists with a limit on their size. Items that do not fit are only counted.

use serde::{Deserialize, Serialize};

/// The beginning of a list, and the number of all its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut<T> {
    /// The first items of the list, as many as fit.
    pub items: Vec<T>,
    /// The number of all items, including those that are not in `items`.
    pub total: u64,
}

impl<T> Cut<T> {
    /// Returns whether `items` lacks some of the items.
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

/// Builds a [`Cut`]. The list is cut before the first item that does not fit: no later item is added, even if it would fit.
#[derive(Debug)]
pub(super) struct CutList<T> {
    list: Cut<T>,
    /// The number of bytes of JSON that are left for further items.
    left_bytes: usize,
    is_cut: bool,
}

impl<T> CutList<T> {
    /// Creates an empty list whose items may have at most `bytes_max` bytes of JSON in total.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            list: Cut::default(),
            left_bytes: bytes_max,
            is_cut: false,
        }
    }

    /// Returns whether an item did not fit, so that no further items are added.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Returns the item that was added last.
    pub(super) fn last(&self) -> Option<&T> {
        self.list.items.last()
    }

    /// Counts an item without adding it. Called for items after the cut, so that the caller does not have to build them.
    pub(super) fn count(&mut self) {
        self.list.total += 1;
    }

    /// Counts an item, and adds it if it fits. `bytes` is the length of its JSON.
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
