//! The words of a command line, as the program would get them.

/// The characters other than blanks at which bash divides an argument into words for completion: those of `COMP_WORDBREAKS` that occur in
/// arguments.
const BASH_BREAKS: [char; 3] = ['=', ':', '@'];

/// The words up to the cursor, without the shell's quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct TypedWords {
    /// The words before the one that is being completed. The first one is the program.
    pub before: Vec<String>,
    /// The word that is being completed, up to the cursor.
    pub current: String,
    /// The number of bytes at the beginning of `current` that the shell keeps: it replaces only what follows.
    pub kept_bytes: usize,
}

impl TypedWords {
    /// Converts words from zsh, whose script has already removed all quotes.
    pub fn plain(mut words: Vec<String>) -> Self {
        let current = words.pop().unwrap_or_default();
        Self {
            before: words,
            current,
            kept_bytes: 0,
        }
    }

    /// Converts words from fish, of which only the last may contain quotes.
    pub fn with_quoted_end(words: Vec<String>) -> Self {
        let mut words = Self::plain(words);
        words.current = unquote(&words.current);
        words
    }

    /// Converts words from bash, which contain quotes and are divided at `=`, `:` and `@`. `line` is the command line up to the cursor. It
    /// shows which of the `pieces` are parts of one word. If `line` does not begin with the first piece, this function guesses which pieces
    /// belong together.
    pub fn of_bash(line: &str, pieces: &[String]) -> Self {
        let first = pieces.first().map_or("", String::as_str);
        let mut line = Some(line.trim_start()).filter(|line| line.starts_with(first));
        if first.is_empty() || line == Some("") {
            line = None;
        }
        let mut words: Vec<Vec<&str>> = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let (mut piece, before) = (piece.as_str(), index.checked_sub(1));
            let before = before.map(|before| pieces[before].as_str());
            let belongs = match line {
                Some(rest) => {
                    let word = rest.trim_start_matches([' ', '\t', '\n']);
                    if index + 1 == pieces.len() {
                        // The last piece may continue after the cursor, but only the text before the cursor is completed.
                        piece = word;
                    }
                    line = Some(word.strip_prefix(piece).unwrap_or_default());
                    word.len() == rest.len()
                }
                None => before.is_some_and(|before| probably_belongs(before, piece)),
            };
            match words.last_mut().filter(|_| belongs) {
                Some(word) => word.push(piece),
                None => words.push(vec![piece]),
            }
        }
        let current = words.pop().unwrap_or_default();
        let kept = match current.split_last() {
            Some((last, kept)) if !is_break(last) => kept,
            _ => &current,
        };
        let join = |pieces: &[&str]| {
            pieces
                .iter()
                .map(|piece| unquote(piece))
                .collect::<String>()
        };
        Self {
            before: words.iter().map(|word| join(word)).collect(),
            kept_bytes: join(kept).len(),
            current: join(&current),
        }
    }
}

/// Guesses whether bash has divided one word between `before` and `piece`. An `@` is more likely the beginning of a word, such as `@NAME`,
/// than a part of the word before.
fn probably_belongs(before: &str, piece: &str) -> bool {
    let is_glue = |text: &str| is_break(text) && !text.starts_with('@');
    is_glue(before) || is_glue(piece) || is_break(before)
}

fn is_break(piece: &str) -> bool {
    !piece.is_empty() && piece.chars().all(|c| BASH_BREAKS.contains(&c))
}

/// Removes quotes and backslashes, as a shell does. The last quote may be open.
fn unquote(raw: &str) -> String {
    let (mut text, mut quote, mut chars) = (String::new(), None, raw.chars());
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, '\\') => text.extend(chars.next()),
            (Some('"'), '\\') => match chars.next() {
                Some(next @ ('"' | '\\' | '$' | '`')) => text.push(next),
                next => {
                    text.push('\\');
                    text.extend(next);
                }
            },
            (_, c) => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str, pieces: &[&str]) -> (Vec<String>, String, usize) {
        let pieces: Vec<_> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
        let words = TypedWords::of_bash(line, &pieces);
        (words.before, words.current, words.kept_bytes)
    }

    #[test]
    fn pieces_of_bash_become_words() {
        for (line, pieces, before, current, kept) in [
            (
                "w list ma",
                &["w", "list", "ma"][..],
                &["w", "list"][..],
                "ma",
                0,
            ),
            ("w list ", &["w", "list", ""], &["w", "list"], "", 0),
            (
                "w --branch=ma",
                &["w", "--branch", "=", "ma"],
                &["w"],
                "--branch=ma",
                9,
            ),
            (
                "w --branch=",
                &["w", "--branch", "="],
                &["w"],
                "--branch=",
                9,
            ),
            (
                "w --branch=",
                &["w", "--branch", "=", ""],
                &["w"],
                "--branch=",
                9,
            ),
            (
                "w --root @pr",
                &["w", "--root", "@", "pr"],
                &["w", "--root"],
                "@pr",
                1,
            ),
            (
                "w --root @",
                &["w", "--root", "@"],
                &["w", "--root"],
                "@",
                1,
            ),
            (
                "w show a = b",
                &["w", "show", "a", "=", "b"],
                &["w", "show", "a", "="],
                "b",
                0,
            ),
            (
                "w --root http://[::1]:1 find 'a b/c",
                &[
                    "w", "--root", "http", ":", "//[", "::", "1]", ":", "1", "find", "'a b/c",
                ],
                &["w", "--root", "http://[::1]:1", "find"],
                "a b/c",
                0,
            ),
            // The cursor is in the middle of the last word.
            (
                "w find ma",
                &["w", "find", "math/add"],
                &["w", "find"],
                "ma",
                0,
            ),
            (
                r"w find a\ b\'",
                &["w", "find", r"a\ b\'"],
                &["w", "find"],
                "a b'",
                0,
            ),
        ] {
            let before: Vec<_> = before.iter().map(|word| (*word).to_owned()).collect();
            let expected = (before, current.to_owned(), kept);
            assert_eq!(words(line, pieces), expected, "{line}");
        }
    }

    #[test]
    fn words_without_the_line_are_put_together() {
        let expected = (vec!["w".to_owned()], "--branch=ma".to_owned(), 9);
        assert_eq!(words("", &["w", "--branch", "=", "ma"]), expected);
        let before = vec!["w".to_owned(), "--root".to_owned()];
        assert_eq!(
            words("", &["w", "--root", "@", "pr"]),
            (before, "@pr".to_owned(), 1)
        );
        assert_eq!(words("", &[]), (Vec::new(), String::new(), 0));
    }
}
