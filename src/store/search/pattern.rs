//! Patterns for names of items.

use crate::index::NameRange;

/// The characters that separate the parts of an item's name, as in `env.memory`, `wasi:http/types` and `wasi:cli/run#run`.
const SEPARATORS: [char; 3] = ['.', '/', '#'];

/// A pattern for names. A `*` matches any number of any characters. A pattern without `*` matches the same name, and every name that begins
/// with the pattern and a separator: `wasi:http` matches `wasi:http/types`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamePattern(String);

impl NamePattern {
    /// Creates a pattern. Every text is a valid pattern.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the pattern in lower case, to compare it with names that are stored in lower case.
    pub fn into_lowercase(self) -> Self {
        Self(self.0.to_lowercase())
    }

    /// Returns ranges in the sorted list of names. They contain every matching name and, unless the pattern begins with a `*`, few others.
    pub fn ranges(&self) -> Vec<NameRange> {
        if let Some((prefix, _)) = self.0.split_once('*') {
            return vec![NameRange::of_prefix(prefix)];
        }
        let below =
            SEPARATORS.map(|separator| NameRange::of_prefix(&format!("{}{separator}", self.0)));
        std::iter::once(NameRange::of_name(&self.0))
            .chain(below)
            .collect()
    }

    /// Returns whether a name matches.
    pub fn matches(&self, name: &str) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else {
            let rest = name.strip_prefix(self.0.as_str());
            return rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(SEPARATORS));
        };
        let Some(mut name) = name.strip_prefix(start) else {
            return false;
        };
        // Takes the first occurrence of each part, because that leaves the most text for the parts after it.
        let mut parts = rest.split('*').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return name.ends_with(part);
            }
            match name.find(part) {
                Some(at) => name = &name[at + part.len()..],
                None => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_match_up_to_a_separator_or_by_wildcard() {
        for (pattern, name, matches) in [
            ("wasi:http", "wasi:http", true),
            ("wasi:http", "wasi:http/types", true),
            ("wasi:http", "wasi:httpx", false),
            ("env", "env.memory", true),
            ("env.*", "env.memory", true),
            ("env.*", "env", false),
            ("*", "", true),
            ("*#run", "wasi:cli/run#run", true),
            ("a*a", "a", false),
            ("a*b*c", "aXbYc", true),
            ("a*bc*c", "abcbc", true),
            ("run", "runner", false),
        ] {
            let pattern = NamePattern::new(pattern.to_owned());
            assert_eq!(pattern.matches(name), matches, "{pattern:?} {name}");
        }
    }

    /// Matches a name by trying every length of text for each `*`.
    fn matches_slowly(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('*', rest)) => (0..=name.len()).any(|n| matches_slowly(rest, &name[n..])),
            Some((first, rest)) => name.first() == Some(first) && matches_slowly(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn wildcards_match_as_by_trying_everything(pattern in "[ab]{0,3}\\*[ab*]{0,5}", name in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = matches_slowly(&chars(&pattern), &chars(&name));
            let pattern = NamePattern::new(pattern);
            prop_assert_eq!(pattern.matches(&name), expected);
            let in_range = pattern.ranges().iter().any(|range| range.contains(&name));
            prop_assert!(!expected || in_range);
        }

        #[test]
        fn the_ranges_of_a_name_have_exactly_the_names_that_match(pattern in "[a./]{0,3}", name in "[ab./#\\-0]{0,5}") {
            let pattern = NamePattern::new(pattern);
            let in_ranges = pattern.ranges().iter().filter(|range| range.contains(&name)).count();
            prop_assert_eq!(in_ranges, usize::from(pattern.matches(&name)));
        }
    }
}
