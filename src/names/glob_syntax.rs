//! The syntax of globs. git matches nothing with a malformed glob and says nothing, so a mistake would look like an empty result.

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

/// Returns the text after the `]` of a bracket expression. `rest` is the text after its `[`.
fn bracket_end(rest: &str) -> Result<&str, &'static str> {
    const OPEN: &str = "has a `[` without a `]`: write `\\[` for the character itself";
    let mut rest = rest.strip_prefix(['!', '^']).unwrap_or(rest);
    let (mut is_first, mut start) = (true, None);
    loop {
        let c = rest.chars().next().ok_or(OPEN)?;
        rest = &rest[c.len_utf8()..];
        match c {
            // A `]` at the beginning stands for itself.
            ']' if !is_first => return Ok(rest),
            '[' if rest.starts_with(':') => {
                let (class, after) = rest[1..].split_once(":]").ok_or(OPEN)?;
                if !CLASSES.contains(&class) {
                    return Err("has an unknown character class: expected one like [:digit:]");
                }
                (rest, start) = (after, None);
            }
            '-' if start.is_some() && !rest.starts_with(']') => {
                let (last, after) = character(rest).ok_or(OPEN)?;
                if start.is_some_and(|start| start > last) {
                    return Err("has a range that ends before it begins, such as `[z-a]`");
                }
                (rest, start) = (after, None);
            }
            '\\' => {
                let escaped = rest.chars().next().ok_or(OPEN)?;
                (rest, start) = (&rest[escaped.len_utf8()..], Some(escaped));
            }
            c => start = Some(c),
        }
        is_first = false;
    }
}

/// Returns the first character, or the one that a backslash at the beginning escapes, and the text after it.
fn character(text: &str) -> Option<(char, &str)> {
    let text = text.strip_prefix('\\').unwrap_or(text);
    let c = text.chars().next()?;
    Some((c, &text[c.len_utf8()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_must_close_and_ranges_ascend() {
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
            ("x[z-a]", "range"),
            ("a\\", "escape"),
        ] {
            let found = fault(glob).unwrap_or_default();
            assert!(found.contains(word), "{glob}: {found:?}");
        }
    }
}
