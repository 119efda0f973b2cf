//! Sets of modules, which searches combine.

/// A set of modules, for example the modules that match a term of a search.
///
/// It is a bitmap over row ids, because a set may have 100,000 modules, and the sets of several terms are combined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleSet {
    words: Vec<u64>,
}

/// The number of bits in a word of the bitmap. Each bit stands for a module.
const WORD_BITS: usize = u64::BITS as usize;

impl ModuleSet {
    /// Returns the set of all row ids from 1 to `last`.
    pub(super) fn up_to(last: usize) -> Self {
        let mut set = Self {
            words: vec![u64::MAX; last / WORD_BITS + 1],
        };
        set.words[0] &= !1;
        let unused = WORD_BITS - 1 - last % WORD_BITS;
        set.words[last / WORD_BITS] &= u64::MAX >> unused;
        set
    }

    /// Adds the module with the row id `id`. SQLite numbers rows from 1, without large gaps.
    pub fn insert(&mut self, id: usize) {
        let word = id / WORD_BITS;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (id % WORD_BITS);
    }

    /// Returns whether the set has the module with the row id `id`.
    pub fn contains(&self, id: usize) -> bool {
        let word = self.words.get(id / WORD_BITS).copied().unwrap_or_default();
        word & (1 << (id % WORD_BITS)) != 0
    }

    /// Returns the number of modules.
    pub fn len(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Removes the modules that `other` does not have.
    pub fn intersect(&mut self, other: &Self) {
        let others = other.words.iter().copied().chain(std::iter::repeat(0));
        for (word, other) in self.words.iter_mut().zip(others) {
            *word &= other;
        }
    }

    /// Removes the modules that `other` has.
    pub fn subtract(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    /// Returns the highest row id; `None` if the set is empty.
    pub(super) fn last(&self) -> Option<usize> {
        let (nth, word) = self
            .words
            .iter()
            .enumerate()
            .rfind(|(_, word)| **word != 0)?;
        Some(nth * WORD_BITS + word.ilog2() as usize)
    }

    /// Returns the row ids, in ascending order.
    pub(super) fn ids(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(nth, word)| {
            let bits = (0..WORD_BITS).filter(move |bit| word & (1 << bit) != 0);
            bits.map(move |bit| nth * WORD_BITS + bit)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(ids: &BTreeSet<usize>) -> ModuleSet {
        let mut set = ModuleSet::default();
        ids.iter().for_each(|id| set.insert(*id));
        set
    }

    fn ids() -> impl Strategy<Value = BTreeSet<usize>> {
        proptest::collection::btree_set(1_usize..300, 0..40)
    }

    proptest! {
        #[test]
        fn sets_agree_with_those_of_the_standard_library(a in ids(), b in ids(), id in 1_usize..400) {
            let (mut both, mut only_a) = (set(&a), set(&a));
            both.intersect(&set(&b));
            only_a.subtract(&set(&b));
            prop_assert_eq!(both.ids().collect::<BTreeSet<_>>(), &a & &b);
            prop_assert_eq!(only_a.ids().collect::<BTreeSet<_>>(), &a - &b);
            prop_assert_eq!(set(&a).len(), a.len());
            prop_assert_eq!(set(&a).is_empty(), a.is_empty());
            prop_assert_eq!(set(&a).contains(id), a.contains(&id));
            prop_assert_eq!(set(&a).last(), a.last().copied());
            prop_assert_eq!(ModuleSet::up_to(id).ids().collect::<Vec<_>>(), (1..=id).collect::<Vec<_>>());
            prop_assert!(ModuleSet::up_to(0).is_empty());
        }
    }
}
