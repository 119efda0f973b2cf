//! Names of revisions, in the syntax of gitrevisions(7): `main~2`, `v1.0`, `3e61ae063a^2`, `main@{2026-11-01}`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;

use super::branch::{self, BranchName};
use super::cutoff::{self, Cutoff};
use super::error::{Error, quoted};

/// The maximum length of a revision name, in bytes: a branch name of the maximum length, and some bytes for steps such as `~3`.
const BYTES_MAX: usize = 1200;

/// The maximum number of steps such as `^` or `~3`.
const STEPS_MAX: usize = 32;

/// The smallest number of digits of an abbreviated id, as in git.
const DIGITS_MIN: usize = 4;

/// The number of digits of the longest abbreviated id: one less than a SHA-256 id has.
const DIGITS_MAX: usize = 63;

/// A name of a commit: a branch, a tag or an id, optionally followed by a date and by steps to ancestors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionName {
    text: String,
    base_bytes: usize,
    until: Option<Cutoff>,
    steps: Vec<RevisionStep>,
    branch: Option<BranchName>,
}

/// A step from a commit to one of its ancestors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevisionStep {
    /// `~N`: the ancestor after N steps to the first parent.
    Ancestor(u32),
    /// `^N`: the parent with this number, counted from 1; `^0` is the commit itself.
    Parent(u32),
}

/// The part of a revision name before the date and the steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevisionBase<'n> {
    /// `HEAD`, `@`, or nothing before `@{DATE}`: the branch that was passed to [`on_branch`](RevisionName::on_branch); `None` is the
    /// default branch.
    Selected(Option<&'n BranchName>),
    /// The name of a branch, a tag or a ref, or the first digits of an id.
    Name(&'n str),
}

impl RevisionName {
    /// Parses a name.
    ///
    /// # Errors
    /// [`Error::Revision`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let malformed = |fault| Error::Revision {
            name: quoted(text),
            fault,
        };
        if text.len() > BYTES_MAX {
            return Err(malformed("is longer than 1200 bytes"));
        }
        let end = text.find(['~', '^']).unwrap_or(text.len());
        let (start, steps) = text.split_at(end);
        let (base, until) = match start.split_once("@{") {
            None => (start, None),
            Some((base, rest)) => {
                let date = rest.strip_suffix('}');
                let date = date.ok_or_else(|| malformed("has no `}` after its date"))?;
                let until = parse_date(date).ok_or_else(|| Error::RevisionDate {
                    name: quoted(text),
                    fault: date_fault(date),
                })?;
                (base, Some(until))
            }
        };
        let is_selected = matches!(base, "HEAD" | "@") || base.is_empty() && until.is_some();
        if !is_selected && let Some(fault) = branch::fault(base) {
            return Err(malformed(fault));
        }
        Ok(Self {
            text: text.to_owned(),
            base_bytes: base.len(),
            until,
            steps: parse_steps(steps).map_err(malformed)?,
            branch: None,
        })
    }

    /// Returns this name for a request about `branch`: `HEAD`, `@`, and an empty text before `@{DATE}` mean this branch. They mean the
    /// default branch if `branch` is `None`.
    #[must_use]
    pub fn on_branch(self, branch: Option<BranchName>) -> Self {
        Self { branch, ..self }
    }

    /// Returns the branch that `HEAD` means in this name; `None` for the default branch.
    pub fn branch(&self) -> Option<&BranchName> {
        self.branch.as_ref()
    }

    /// Returns the text that was parsed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the part of the name before the date and the steps.
    pub fn base(&self) -> RevisionBase<'_> {
        match &self.text[..self.base_bytes] {
            "" | "HEAD" | "@" => RevisionBase::Selected(self.branch()),
            name => RevisionBase::Name(name),
        }
    }

    /// Returns the time in `@{DATE}`: the name means the newest commit that is not later than this time. Returns `None` if the name contains
    /// no `@{DATE}`.
    pub fn until(&self) -> Option<Cutoff> {
        self.until
    }

    /// Returns whether the name has neither a date nor steps.
    pub fn is_plain(&self) -> bool {
        self.until.is_none() && self.steps.is_empty()
    }

    /// Returns the steps at the end of the name.
    pub fn steps(&self) -> &[RevisionStep] {
        &self.steps
    }
}

/// Returns whether a text may be an abbreviated id.
pub fn is_abbreviated_id(text: &str) -> bool {
    (DIGITS_MIN..=DIGITS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Parses a date and time, a date, which stands for the end of that day in UTC, or an age. `yesterday` means an age of a day, as in git.
fn parse_date(text: &str) -> Option<Cutoff> {
    if text == "yesterday" {
        return cutoff::age("1d");
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(Cutoff::At(time.as_second()));
    }
    let Some(date) = text.parse::<Date>().ok().filter(|_| text.len() == 10) else {
        return cutoff::age(text);
    };
    let end = date.at(23, 59, 59, 0).in_tz("UTC").ok()?;
    Some(Cutoff::At(end.timestamp().as_second()))
}

/// Returns the fault of a date that [`parse_date`] rejects.
fn date_fault(text: &str) -> &'static str {
    let day = text.get(..10).unwrap_or_default();
    let shape = day
        .bytes()
        .map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    if shape.eq(*b"0000-00-00") && day.parse::<Date>().is_err() {
        return "has a date that does not exist in `@{…}`";
    }
    "has something other than a date in `@{…}`"
}

fn parse_steps(mut text: &str) -> Result<Vec<RevisionStep>, &'static str> {
    let mut steps = Vec::new();
    while let Some(sign) = text.chars().next() {
        let make = match sign {
            '~' => RevisionStep::Ancestor,
            '^' => RevisionStep::Parent,
            _ => return Err("has something other than a number after `~` or `^`"),
        };
        let digits = text[1..].bytes().take_while(u8::is_ascii_digit).count();
        let number = match &text[1..=digits] {
            "" => 1,
            number => number.parse().map_err(|_| "has too large a number")?,
        };
        if steps.len() == STEPS_MAX {
            return Err("has more than 32 steps");
        }
        steps.push(make(number));
        text = &text[1 + digits..];
    }
    Ok(steps)
}

impl FromStr for RevisionName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for RevisionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> RevisionName {
        RevisionName::parse(text).unwrap()
    }

    #[test]
    fn a_name_has_a_base_a_date_and_steps() {
        use RevisionStep::{Ancestor, Parent};
        let name = parsed("feature/x@{2026-11-01}~3^2^~");
        assert_eq!(name.base(), RevisionBase::Name("feature/x"));
        assert_eq!(name.until(), Some(Cutoff::At(1_793_577_599)));
        let steps = [Ancestor(3), Parent(2), Parent(1), Ancestor(1)];
        assert_eq!(name.steps(), steps);
        assert_eq!(name.as_str(), "feature/x@{2026-11-01}~3^2^~");
    }

    #[test]
    fn the_selected_branch_has_no_name() {
        let main = BranchName::parse("main").unwrap();
        for text in [
            "HEAD",
            "@",
            "@~2",
            "HEAD^",
            "@{2026-11-01}",
            "HEAD@{2026-11-01}",
        ] {
            assert_eq!(parsed(text).base(), RevisionBase::Selected(None), "{text}");
            let on_main = parsed(text).on_branch(Some(main.clone()));
            assert_eq!(on_main.base(), RevisionBase::Selected(Some(&main)));
        }
    }

    #[test]
    fn a_day_ends_at_its_last_second_in_utc() {
        let at = |unix_s| Some(Cutoff::At(unix_s));
        let ago = |seconds| Some(Cutoff::Ago(Duration::from_secs(seconds)));
        for (date, expected) in [
            ("1970-01-01", at(86_399)),
            ("1970-01-01T00:00:00Z", at(0)),
            ("1970-01-01T02:00:00+02:00", at(0)),
            ("1d", ago(86_400)),
            ("1h30m", ago(5_400)),
            ("yesterday", ago(86_400)),
            ("1970-02-30", None),
            ("1970-1-1", None),
            ("1970-01-01T00:00:00", None),
            ("1970-01-01 00:00:00", None),
            ("tomorrow", None),
            ("-1d", None),
            ("1", None),
            ("", None),
        ] {
            assert_eq!(parse_date(date), expected, "{date}");
        }
    }

    #[test]
    fn the_error_about_a_date_says_what_a_date_is() {
        for (date, fault) in [
            ("2026-13-01", "has a date that does not exist in `@{…}`"),
            (
                "2026-02-30T12:00:00Z",
                "has a date that does not exist in `@{…}`",
            ),
            (
                "2026-02-01T12:00:00",
                "has something other than a date in `@{…}`",
            ),
            ("größe", "has something other than a date in `@{…}`"),
        ] {
            let name = format!("main@{{{date}}}");
            let error = RevisionName::parse(&name).unwrap_err().to_string();
            let expected =
                format!("revision {name:?} {fault}: expected a date, a time or an age, ");
            assert!(error.starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn other_syntax_of_git_is_rejected() {
        for text in [
            "",
            "~1",
            "^main",
            "a..b",
            "a:b",
            "main^{tree}",
            "main@{1}",
            "main@{1d",
            "@{-1}",
            "@{upstream}",
            "main@{2026-11-01",
            "main~99999999999",
            "a b",
            "main~1x",
            &"x".repeat(1201),
            &format!("a{}", "^".repeat(33)),
        ] {
            assert!(RevisionName::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_rejected(text in "[a-f0-9@{}~^/ .:Z-]{0,40}|\\PC{0,40}") {
            if let Ok(name) = RevisionName::parse(&text) {
                prop_assert_eq!(name.as_str(), &text);
                prop_assert_eq!(RevisionName::parse(name.as_str()), Ok(name.clone()));
            }
        }

        #[test]
        fn a_branch_with_steps_keeps_both(branch in "[a-z][a-z0-9/]{0,10}[a-z]", n in 0_u32..1000) {
            if BranchName::parse(&branch).is_ok() {
                let name = parsed(&format!("{branch}~{n}"));
                prop_assert_eq!(name.base(), RevisionBase::Name(&branch));
                prop_assert_eq!(name.steps(), [RevisionStep::Ancestor(n)]);
            }
        }
    }
}
