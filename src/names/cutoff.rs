//! A cutoff time, which a user gives as a date or as an age.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Span, SpanRelativeTo, Timestamp};

use super::error::{Error, quoted};

const DAY_S: u64 = 24 * 3600;

/// The longest age, in seconds: 1000 years.
const AGE_S_MAX: u64 = 1000 * 366 * DAY_S;

/// A cutoff time, such as `2026-11-01`, `2026-11-01T12:00:00Z` or `90d`. Everything that is newer is kept, for example by a gc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cutoff {
    /// The cutoff is this time, in seconds since 1970-01-01 UTC.
    At(i64),
    /// The cutoff is this long before the current time.
    Ago(Duration),
}

impl Cutoff {
    /// Parses a day, which begins at midnight UTC, a date and time, or a duration.
    ///
    /// # Errors
    /// [`Error::Cutoff`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let cutoff = day(text).or_else(|| moment(text)).or_else(|| age(text));
        cutoff.ok_or_else(|| Error::Cutoff {
            given: quoted(text),
        })
    }

    /// Returns the cutoff time if the current time is `now_s`. Both are in seconds since 1970-01-01 UTC.
    pub fn at_s(self, now_s: i64) -> i64 {
        match self {
            Self::At(at_s) => at_s,
            Self::Ago(age) => now_s.saturating_sub_unsigned(age.as_secs()),
        }
    }
}

fn day(text: &str) -> Option<Cutoff> {
    let date: Date = text.parse().ok().filter(|_| text.len() == 10)?;
    let start = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Cutoff::At(start.timestamp().as_second()))
}

fn moment(text: &str) -> Option<Cutoff> {
    let moment: Timestamp = text.parse().ok()?;
    Some(Cutoff::At(moment.as_second()))
}

/// Parses an age, such as `90d` or `1h30m`.
pub(super) fn age(text: &str) -> Option<Cutoff> {
    let span: Span = text.parse().ok()?;
    let age = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    let age = Duration::try_from(age).ok()?;
    (1..=AGE_S_MAX)
        .contains(&age.as_secs())
        .then_some(Cutoff::Ago(age))
}

impl FromStr for Cutoff {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// Writes the cutoff in a form that [`Cutoff::parse`] parses.
impl fmt::Display for Cutoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at_s) => match Timestamp::from_second(*at_s) {
                Ok(moment) => moment.fmt(f),
                Err(_) => at_s.fmt(f),
            },
            Self::Ago(age) if age.as_secs() % DAY_S == 0 => {
                write!(f, "{}d", age.as_secs() / DAY_S)
            }
            Self::Ago(age) => write!(f, "{}s", age.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_times_and_ages_are_parsed() {
        let parsed = |text: &str| Cutoff::parse(text).unwrap();
        assert_eq!(parsed("1970-01-02"), Cutoff::At(86_400));
        assert_eq!(parsed("1970-01-02T00:00:01Z"), Cutoff::At(86_401));
        assert_eq!(parsed("1970-01-02T02:00:01+02:00"), Cutoff::At(86_401));
        assert_eq!(parsed("90d"), Cutoff::Ago(Duration::from_secs(90 * 86_400)));
        assert_eq!(parsed("90d").at_s(100 * 86_400), 10 * 86_400);
        for text in ["1970-01-02", "1h30m", "2026-11-30T05:00:00Z"] {
            assert_eq!(parsed(&parsed(text).to_string()), parsed(text), "{text}");
        }
    }

    #[test]
    fn other_text_is_rejected() {
        for text in [
            "",
            "yesterday",
            "90",
            "-3d",
            "0s",
            "2026-13-01",
            "3000000w",
            "1y",
        ] {
            let error = Cutoff::parse(text).unwrap_err().to_string();
            assert!(error.contains("2026-11-01"), "{text}: {error}");
        }
    }
}
