//! Pairs the items of two lists by name.

use std::collections::BTreeMap;

/// Returns pairs of an old and a new item with the same key, sorted by key. An item without a counterpart is paired with `None`. If a key
/// occurs several times, items for which `is_same` returns true are paired first, and then the others in order.
pub(in crate::wasm) fn pairs<'a, T, K: Ord>(
    old: &'a [T],
    new: &'a [T],
    key: impl Fn(&'a T) -> K,
    is_same: impl Fn(&T, &T) -> bool,
) -> Vec<(Option<&'a T>, Option<&'a T>)> {
    let mut sides = BTreeMap::<K, (Vec<&T>, Vec<&T>)>::new();
    for item in old {
        sides.entry(key(item)).or_default().0.push(item);
    }
    for item in new {
        sides.entry(key(item)).or_default().1.push(item);
    }
    let mut pairs = Vec::with_capacity(old.len().max(new.len()));
    for (old, mut new) in sides.into_values() {
        let mut unpaired = Vec::new();
        for old in old {
            match new.iter().position(|new| is_same(old, new)) {
                Some(position) => pairs.push((Some(old), Some(new.remove(position)))),
                None => unpaired.push(old),
            }
        }
        for nth in 0..unpaired.len().max(new.len()) {
            pairs.push((unpaired.get(nth).copied(), new.get(nth).copied()));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_items_are_paired_before_others() {
        let pair = |old: &[(char, u8)], new: &[(char, u8)]| {
            let pairs = pairs(old, new, |item| item.0, |old, new| old == new);
            let side = |side: Option<&(char, u8)>| side.map(|item| item.1);
            let pairs = pairs.into_iter().map(|(old, new)| (side(old), side(new)));
            pairs.collect::<Vec<_>>()
        };
        assert_eq!(
            pair(&[('b', 1), ('a', 2)], &[('b', 3)]),
            [(Some(2), None), (Some(1), Some(3))]
        );
        assert_eq!(
            pair(&[('a', 1), ('a', 2)], &[('a', 2), ('a', 3), ('a', 4)]),
            [(Some(2), Some(2)), (Some(1), Some(3)), (None, Some(4)),]
        );
    }
}
