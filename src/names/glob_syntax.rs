//! Finds mistakes in globs. git reports no error for a malformed glob and matches nothing, so a mistake would look like an empty result.

/// The names of the character classes, as in `[[:digit:]]`.
const CLASSES: [&str; 12] = [
    "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "xdigit",
];

/// Returns the fault of a malformed glob, as a predicate; `None` if the glob is well-formed.
pub(super) fn fault(glob: &str) -> Option<&'static str> {
    let mut rest = glob;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => match rest.chars().next() {
                Some(escaped) => rest = &rest[escaped.len_utf8()..],
                None => return Some("ends with a single `\\`, which must escape a character"),
            },
            '[' => match bracket_end(rest) {
                Ok(end) => rest = end,
                Err(fault) => return Some(fault),
            },
            _ => {}
        }
    }
    None
}

/// Returns the text after the `]` of a bracket expression. `rest` is the text after its `[`. Returns an empty text, so that the rest is not
/// examined, if git and `gix_glob` disagree about where the expression ends.
fn bracket_end(rest: &str) -> Result<&str, &'static str> {
    const OPEN: &str = "has a `[` without a `]`: write `\\[` for the character itself";
    let mut rest = rest.strip_prefix(['!', '^']).unwrap_or(rest);
    // `has_start` is whether a hyphen that follows forms a range. It does not at the beginning, and after a range or a class.
    let (mut is_first, mut has_start) = (true, false);
    loop {
        let c = rest.chars().next().ok_or(OPEN)?;
        rest = &rest[c.len_utf8()..];
        match c {
            // A `]` at the beginning stands for itself.
            ']' if !is_first => return Ok(rest),
            '[' if rest.starts_with(':') => {
                let end = rest.find(']').ok_or(OPEN)?;
                match rest[1..end].strip_suffix(':') {
                    Some(class) if CLASSES.contains(&class) => rest = &rest[end + 1..],
                    Some(_) => {
                        return Err("has an unknown character class: expected one like [:digit:]");
                    }
                    // Without `:]`, the `[` stands for itself. git and `gix_glob` disagree about the rest of the glob, so the rest is
                    // accepted.
                    None => return Ok(""),
                }
                has_start = false;
            }
            // An empty range such as `z-a` is legal, because its first character matches itself.
            '-' if has_start && !rest.starts_with(']') => {
                let end = after_first(rest.strip_prefix('\\').unwrap_or(rest)).ok_or(OPEN)?;
                if rest.starts_with("[:") {
                    // git interprets the `[` as the end of the range, and `gix_glob` sometimes as the beginning of a class, so the rest is
                    // accepted.
                    return Ok("");
                }
                (rest, has_start) = (end, false);
            }
            '\\' => {
                rest = after_first(rest).ok_or(OPEN)?;
                has_start = true;
            }
            _ => has_start = true,
        }
        is_first = false;
    }
}

/// Returns the text after the first character; `None` if there is none.
fn after_first(text: &str) -> Option<&str> {
    let mut rest = text.chars();
    rest.next().map(|_| rest.as_str())
}

#[cfg(test)]
mod tests {
    use gix_glob::pattern::Case;
    use gix_glob::wildmatch::Mode;
    use proptest::prelude::*;

    use super::*;

    /// Returns whether `gix_glob`, which the store uses, matches the name with the glob.
    fn matches(glob: &str, name: &str) -> bool {
        let pattern = gix_glob::Pattern::from_bytes(glob.as_bytes());
        pattern.is_some_and(|pattern| {
            let mode = Mode::NO_MATCH_SLASH_LITERAL;
            pattern.matches_repo_relative_path(
                name.into(),
                None,
                Some(false),
                Case::Sensitive,
                mode,
            )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn a_refused_glob_matches_nothing(
            parts in prop::collection::vec("[\\[\\]:!^a-c\\\\*?z-]{1,4}|\\[:digit:\\]|\\[:b:\\]|a-", 1..5),
            names in prop::collection::vec("[\\[\\]:!^a-c1z\\\\-]{1,4}", 8),
        ) {
            let glob = parts.concat();
            if fault(&glob).is_some() {
                for name in names {
                    prop_assert!(!matches(&glob, &name), "{glob} {name}");
                }
            }
        }
    }

    #[test]
    fn what_git_accepts_is_not_refused() {
        for (glob, name) in [
            ("[[:]", "["),
            ("[a[:b]", "b"),
            ("[z-ab]", "b"),
            ("[z-a]", "z"),
            ("[!z-a]", "b"),
        ] {
            assert_eq!(fault(glob), None, "{glob}");
            assert!(matches(glob, name), "{glob}");
        }
        for glob in ["[é-a]", "[a[:b]x[[:foo:]]", "[a-[:b:]"] {
            assert_eq!(fault(glob), None, "{glob}");
        }
    }

    #[test]
    fn brackets_must_close() {
        for glob in [
            "*.wasm",
            "a**b",
            "[]]",
            "[!]a]",
            "[^a-z]",
            "[a-]",
            "[-a]",
            "[[:digit:]x]",
            "\\[",
            "[\\]]",
            "a]",
            "[a-\\z]",
            "[+--]",
        ] {
            assert_eq!(fault(glob), None, "{glob}");
        }
        for (glob, word) in [
            ("[", "without"),
            ("a[bc", "without"),
            ("[]", "without"),
            ("[!]", "without"),
            ("[a\\]", "without"),
            ("[[:digit:", "without"),
            ("[[:number:]]", "class"),
            ("[[::]]", "class"),
            ("a\\", "escape"),
        ] {
            let found = fault(glob).unwrap_or_default();
            assert!(found.contains(word), "{glob}: {found:?}");
        }
    }
}
