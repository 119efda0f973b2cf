//! Formats and parses dates in local time.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::names::{self, Cutoff};
use crate::store::Revision;

/// The form of the dates that `log` and `audit` print.
const LONG: &str = "%a %b %d %H:%M:%S %Y";
/// The form of the dates in tables, whose order as text is their order in time.
const SORTABLE: &str = "%Y-%m-%d %H:%M:%S";

/// Formats a Unix time as `Sun Nov 22 12:24:40 2026` in local time, or as `@` and the seconds if it is outside the calendar's range.
pub(super) fn format(unix_s: i64) -> String {
    format_in_zone(unix_s, TimeZone::system())
}

/// Returns the current time, in seconds since 1970-01-01 UTC.
pub(super) fn now_s() -> i64 {
    Timestamp::now().as_second()
}

/// Formats a Unix time as `2026-11-22 12:24:40` in local time, or as `@` and the seconds if it is outside the calendar's range.
pub(super) fn sortable(unix_s: i64) -> String {
    match Timestamp::from_second(unix_s) {
        Ok(timestamp) => { timestamp.to_zoned(TimeZone::system()) }
            .strftime(SORTABLE)
            .to_string(),
        Err(_) => format!("@{unix_s}"),
    }
}

/// Parses a revision as a user writes it. In `@{…}`, also accepts a time in a form in which commands print it, in local time.
///
/// # Errors
/// As for [`Revision::parse`].
pub(super) fn parse_revision(text: &str) -> Result<Revision, names::Error> {
    let printed = || {
        let (base, rest) = text.split_once("@{")?;
        let (date, steps) = rest.split_once('}')?;
        let time = parse_printed(date, TimeZone::system())?;
        Some(format!("{base}@{{{time}}}{steps}"))
    };
    match printed() {
        Some(text) => Revision::parse(&text),
        None => Revision::parse(text),
    }
}

/// Parses a date, a time or an age as a user writes it. Also accepts a time in a form in which commands print it, in local time.
///
/// # Errors
/// As for [`Cutoff::parse`].
pub(super) fn parse_cutoff(text: &str) -> Result<Cutoff, names::Error> {
    match parse_printed(text, TimeZone::system()) {
        Some(time) => Ok(Cutoff::At(time.as_second())),
        None => Cutoff::parse(text),
    }
}

/// Parses a time in one of the forms that [`format`] and [`sortable`] return.
fn parse_printed(text: &str, zone: TimeZone) -> Option<Timestamp> {
    let forms = [LONG, SORTABLE];
    let time = forms
        .iter()
        .find_map(|form| DateTime::strptime(form, text).ok())?;
    Some(time.to_zoned(zone).ok()?.timestamp())
}

fn format_in_zone(unix_s: i64, zone: TimeZone) -> String {
    match Timestamp::from_second(unix_s) {
        Ok(timestamp) => timestamp.to_zoned(zone).strftime(LONG).to_string(),
        Err(_) => format!("@{unix_s}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_is_in_the_time_zone_with_two_digits_for_the_day() {
        let east = TimeZone::fixed(jiff::tz::offset(5));
        for (unix_s, utc, in_east) in [
            (
                1795350280,
                "Sun Nov 22 12:24:40 2026",
                "Sun Nov 22 17:24:40 2026",
            ),
            (0, "Thu Jan 01 00:00:00 1970", "Thu Jan 01 05:00:00 1970"),
            (-1, "Wed Dec 31 23:59:59 1969", "Thu Jan 01 04:59:59 1970"),
        ] {
            assert_eq!(format_in_zone(unix_s, TimeZone::UTC), utc);
            assert_eq!(format_in_zone(unix_s, east.clone()), in_east);
        }
    }

    #[test]
    fn a_printed_date_is_parsed_in_the_time_zone() {
        let east = || TimeZone::fixed(jiff::tz::offset(5));
        for text in ["Sun Nov 22 17:24:40 2026", "2026-11-22 17:24:40"] {
            let parsed = parse_printed(text, east()).map(Timestamp::as_second);
            assert_eq!(parsed, Some(1795350280), "{text}");
        }
        for text in [
            "2026-11-22",
            "2026-11-22T17:24:40Z",
            "2026-11-22 17:24",
            "1d",
        ] {
            assert_eq!(parse_printed(text, east()), None, "{text}");
        }
        let name = "main@{2026-11-22 17:24:40}~1";
        let Ok(Revision::Named(parsed)) = parse_revision(name) else {
            panic!("{name} is the name of a commit");
        };
        assert!(parsed.to_string().ends_with("Z}~1"), "{parsed}");
    }

    #[test]
    fn date_outside_the_calendar_is_shown_in_seconds() {
        let date = format_in_zone(i64::MAX, TimeZone::UTC);
        assert_eq!(date, "@9223372036854775807");
    }
}
