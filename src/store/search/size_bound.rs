//! Bounds on the size of a module in a search query.

use std::ops::RangeInclusive;

/// The units of sizes, in upper case, and their values in bytes.
const UNITS: [(&str, u64); 9] = [
    ("", 1),
    ("B", 1),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KIB", 1 << 10),
    ("MIB", 1 << 20),
    ("GIB", 1 << 30),
    ("K", 1000),
];

/// Returns whether a word is the unit of a size, in any letter case.
pub(super) fn is_unit(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    !word.is_empty() && UNITS.iter().any(|(name, _)| *name == word)
}

/// Parses a bound such as `>1MB` or `<=64KiB`. Returns the range of accepted sizes, in bytes.
pub(super) fn size_bound(text: &str) -> Result<RangeInclusive<u64>, String> {
    let operators = ["<=", ">=", "<", ">", "=", ":"];
    let operator = operators
        .into_iter()
        .find(|operator| text.starts_with(operator));
    let operator = operator.unwrap_or_default();
    let size = size(&text[operator.len()..])?;
    let empty = RangeInclusive::new(1, 0);
    Ok(match operator {
        "<" => size.checked_sub(1).map_or(empty, |last| 0..=last),
        "<=" => 0..=size,
        ">" => size.checked_add(1).map_or(empty, |first| first..=u64::MAX),
        ">=" => size..=u64::MAX,
        _ => size..=size,
    })
}

fn size(text: &str) -> Result<u64, String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let unit = unit.to_ascii_uppercase();
    let factor = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor);
    let size = digits.parse::<u64>().ok().zip(factor);
    let size = size.and_then(|(number, factor)| number.checked_mul(factor));
    size.ok_or_else(|| {
        format!("`{text}` is not a size: write a number of bytes, with a unit such as KB, MB, KiB or MiB if you like")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_operators_and_units() {
        for (text, expected) in [
            (">1MB", 1_000_001..=u64::MAX),
            (">=1MiB", 1 << 20..=u64::MAX),
            ("<10", 0..=9),
            ("<=10kb", 0..=10_000),
            ("=7", 7..=7),
            (":7B", 7..=7),
        ] {
            assert_eq!(size_bound(text), Ok(expected), "{text}");
        }
        assert!(size_bound("<0").is_ok_and(|range| range.is_empty()));
        for text in ["", ">", ">x", ">1XB", ">99999999999GB", ">-1", "<>1"] {
            size_bound(text).unwrap_err();
        }
    }
}
