//! Compares output with a page. An id on the page matches another id consistently; a date matches any date.

/// The minimum number of hex digits in an id: the length of an abbreviation in git.
const ID_MIN: usize = 7;

/// The ids on a page, and the real ids that they match.
pub struct Ids {
    /// Hashes of modules, which match only themselves.
    fixed: Vec<String>,
    bound: Vec<(String, String)>,
}

impl Ids {
    pub fn new(fixed: Vec<String>) -> Self {
        let bound = Vec::new();
        Self { fixed, bound }
    }

    /// Replaces ids of the page by the real ids that are known.
    pub fn replace(&self, text: &str) -> String {
        let mut replaced = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let word = word(rest);
            let bound = self
                .bound
                .iter()
                .find(|(shown, _)| is_id(word) && shown.starts_with(word));
            replaced += bound.map_or(word, |(_, actual)| &actual[..word.len()]);
            rest = &rest[word.len()..];
        }
        replaced
    }

    /// Compares line by line. If all lines match, remembers the ids.
    pub fn agree(&mut self, shown: &[String], printed: &[String]) -> bool {
        let known = self.bound.len();
        let agree = self.lines_match(shown, printed);
        if !agree {
            self.bound.truncate(known);
        }
        agree
    }

    fn lines_match(&mut self, shown: &[String], printed: &[String]) -> bool {
        let Some((first, others)) = shown.split_first() else {
            return printed.is_empty();
        };
        if first.trim() == "…" {
            return (0..=printed.len())
                .any(|skipped| self.lines_match(others, &printed[skipped..]));
        }
        let known = self.bound.len();
        let agree = printed.split_first().is_some_and(|(line, printed)| {
            self.line_matches(first.trim_end(), line.trim_end())
                && self.lines_match(others, printed)
        });
        if !agree {
            self.bound.truncate(known);
        }
        agree
    }

    fn line_matches(&mut self, shown: &str, printed: &str) -> bool {
        if let Some(rest) = shown.strip_prefix('…') {
            let known = self.bound.len();
            let mut ends = printed
                .char_indices()
                .map(|(at, _)| at)
                .chain([printed.len()]);
            return ends.any(|at| {
                self.bound.truncate(known);
                self.line_matches(rest, &printed[at..])
            });
        }
        if shown.is_empty() || printed.is_empty() {
            return shown == printed;
        }
        if let (Some(one), Some(other)) = (date(shown), date(printed)) {
            return self.line_matches(&shown[one..], &printed[other..]);
        }
        let (one, other) = (word(shown), word(printed));
        if shown[one.len()..].starts_with('…') && printed.starts_with(one) {
            return self.line_matches(&shown[one.len()..], &printed[one.len()..]);
        }
        (one == other || self.matches_id(one, other))
            && self.line_matches(&shown[one.len()..], &printed[other.len()..])
    }

    fn matches_id(&mut self, shown: &str, printed: &str) -> bool {
        let is_module = self.fixed.iter().any(|hash| hash.starts_with(shown));
        if !is_id(shown) || !is_hex(printed) || shown.len() != printed.len() || is_module {
            return false;
        }
        let is_same = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
        let agrees =
            |(one, other): &(String, String)| is_same(one, shown) == is_same(other, printed);
        if !self.bound.iter().all(agrees) {
            return false;
        }
        self.bound.push((shown.to_owned(), printed.to_owned()));
        true
    }
}

/// Replaces a word by another.
pub fn replace_word(text: &str, word: &str, by: &str) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let next = self::word(rest);
        replaced += if next == word { by } else { next };
        rest = &rest[next.len()..];
    }
    replaced
}

/// Returns the first word of a text: a run of letters and digits, or one other character.
fn word(text: &str) -> &str {
    let is_inside = |c: char| c.is_ascii_alphanumeric();
    let first = text.chars().next().unwrap_or(' ');
    let end = match is_inside(first) {
        true => text.find(|c| !is_inside(c)).unwrap_or(text.len()),
        false => first.len_utf8(),
    };
    &text[..end]
}

/// Returns whether a word on a page is an id: it needs a digit, so that English words are not ids. A printed id need not have a digit; one in a
/// thousand short ids has none.
fn is_id(word: &str) -> bool {
    is_hex(word) && word.contains(|c: char| c.is_ascii_digit())
}

fn is_hex(word: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    word.len() >= ID_MIN && word.chars().all(is_digit)
}

/// Returns the length of the date at the start of a text, in the format of a log line, of git, or of the command line.
fn date(text: &str) -> Option<usize> {
    // "9" matches any digit, "A" and "a" any upper-case and lower-case letter; other characters match themselves.
    let forms = [
        "9999-99-99T99:99:99.999999Z",
        "9999-99-99T99:99:99Z",
        "9999-99-99 99:99:99",
        "Aaa Aaa 99 99:99:99 9999",
    ];
    let fits = |form: &&&str| {
        text.len() >= form.len()
            && form
                .bytes()
                .zip(text.bytes())
                .all(|(form, byte)| match form {
                    b'9' => byte.is_ascii_digit(),
                    b'A' => byte.is_ascii_uppercase(),
                    b'a' => byte.is_ascii_lowercase(),
                    other => byte == other,
                })
    };
    forms.iter().find(fits).map(|form| form.len())
}

#[test]
fn ids_match_consistently() {
    let mut ids = Ids::new(vec!["aaaaaaa1".to_owned()]);
    let mut agree = |shown: &str, printed: &str| {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        ids.agree(&lines(shown), &lines(printed))
    };
    assert!(agree("a 1234567890 b\nc", "a abcdef1234 b\nc"));
    assert!(
        agree("1234567 x", "abcdef1 x")
            && agree("a1b2c3d", "fedcbaf")
            && !agree("1234567", "abcdef2")
    );
    assert!(!agree("7654321", "abcdef1") && agree("7654321", "1111111"));
    assert!(agree("aaaaaaa1", "aaaaaaa1") && !agree("aaaaaaa1", "aaaaaaa2"));
    assert!(agree("a…c", "abbc") && !agree("a…c", "abb") && agree("x\n…\ny", "x\n1\n2\ny"));
    assert!(agree(
        "Sun Nov 22 17:02:11 2026 a",
        "Mon Jan 01 00:00:00 2027 a"
    ));
    assert!(agree(
        "2026-11-22T16:40:40Z  INFO",
        "2027-01-01T00:00:00.123456Z  INFO"
    ));
    assert!(!agree("size: 41", "size: 42") && !agree("", "a") && !agree("a", ""));
    assert_eq!(
        ids.replace("show 1234567 aaaaaaa1"),
        "show abcdef1 aaaaaaa1"
    );
}
