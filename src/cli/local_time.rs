//! Formats dates in local time.

use jiff::Timestamp;
use jiff::tz::TimeZone;

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
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        Err(_) => format!("@{unix_s}"),
    }
}

fn format_in_zone(unix_s: i64, zone: TimeZone) -> String {
    match Timestamp::from_second(unix_s) {
        Ok(timestamp) => timestamp
            .to_zoned(zone)
            .strftime("%a %b %d %H:%M:%S %Y")
            .to_string(),
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
    fn date_outside_the_calendar_is_shown_in_seconds() {
        let date = format_in_zone(i64::MAX, TimeZone::UTC);
        assert_eq!(date, "@9223372036854775807");
    }
}
