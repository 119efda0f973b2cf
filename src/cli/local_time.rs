//! Formats and parses dates in local time.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::names::{self, Cutoff};
use crate::store::Revision;

/// The form of all dates that commands print (RFC 3339).
const PRINTED: &str = "%Y-%m-%dT%H:%M:%S%:z";
/// The forms of the dates that commands printed before, in local time without its offset. They are still parsed.
const EARLIER: [&str; 2] = ["%Y-%m-%d %H:%M:%S", "%a %b %d %H:%M:%S %Y"];

/// Formats a Unix time as `2026-11-22T12:24:40+01:00` in local time, or as `@` and the seconds if it is outside the calendar's range.
pub(super) fn format(unix_s: i64) -> String {
    format_in_zone(unix_s, TimeZone::system())
}

/// Returns the current time, in seconds since 1970-01-01 UTC.
pub(super) fn now_s() -> i64 {
    Timestamp::now().as_second()
}

/// Parses a revision as a user writes it. In `@{…}`, also accepts a time in the forms that [`parse_printed`] accepts.
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

/// Parses a date, a time or an age as a user writes it. Also accepts a time in the forms that [`parse_printed`] accepts.
///
/// # Errors
/// As for [`Cutoff::parse`].
pub(super) fn parse_cutoff(text: &str) -> Result<Cutoff, names::Error> {
    match parse_printed(text, TimeZone::system()) {
        Some(time) => Ok(Cutoff::At(time.as_second())),
        None => Cutoff::parse(text),
    }
}

/// Parses a time in the form that [`format`] returns, or in a form of earlier versions, which is in local time.
fn parse_printed(text: &str, zone: TimeZone) -> Option<Timestamp> {
    if let Ok(time) = Timestamp::strptime(PRINTED, text) {
        return Some(time);
    }
    let time = EARLIER
        .iter()
        .find_map(|form| DateTime::strptime(form, text).ok())?;
    Some(time.to_zoned(zone).ok()?.timestamp())
}

fn format_in_zone(unix_s: i64, zone: TimeZone) -> String {
    match Timestamp::from_second(unix_s) {
        Ok(timestamp) => timestamp.to_zoned(zone).strftime(PRINTED).to_string(),
        Err(_) => format!("@{unix_s}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_is_in_the_time_zone_with_its_offset() {
        let east = TimeZone::fixed(jiff::tz::offset(5));
        for (unix_s, utc, in_east) in [
            (
                1795350280,
                "2026-11-22T12:24:40+00:00",
                "2026-11-22T17:24:40+05:00",
            ),
            (0, "1970-01-01T00:00:00+00:00", "1970-01-01T05:00:00+05:00"),
            (-1, "1969-12-31T23:59:59+00:00", "1970-01-01T04:59:59+05:00"),
        ] {
            assert_eq!(format_in_zone(unix_s, TimeZone::UTC), utc);
            assert_eq!(format_in_zone(unix_s, east.clone()), in_east);
        }
    }

    #[test]
    fn a_printed_date_is_parsed_in_the_time_zone() {
        let east = || TimeZone::fixed(jiff::tz::offset(5));
        for text in [
            "Sun Nov 22 17:24:40 2026",
            "2026-11-22 17:24:40",
            "2026-11-22T17:24:40+05:00",
            "2026-11-22T13:24:40+01:00",
        ] {
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
