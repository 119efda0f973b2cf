//! Dates as a person reads them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A moment in seconds since 1970-01-01 UTC as `Sun Nov 22 12:24:40 2026` in local time, or after an `@` where no calendar
/// reaches.
pub(super) fn format(date_s: i64) -> String {
    in_zone(date_s, TimeZone::system())
}

fn in_zone(date_s: i64, zone: TimeZone) -> String {
    match Timestamp::from_second(date_s) {
        Ok(moment) => moment
            .to_zoned(zone)
            .strftime("%a %b %d %H:%M:%S %Y")
            .to_string(),
        Err(_) => format!("@{date_s}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_in_the_zone_and_two_digits_wide() {
        let east = TimeZone::fixed(jiff::tz::offset(5));
        for (date_s, utc, in_east) in [
            (
                1795350280,
                "Sun Nov 22 12:24:40 2026",
                "Sun Nov 22 17:24:40 2026",
            ),
            (0, "Thu Jan 01 00:00:00 1970", "Thu Jan 01 05:00:00 1970"),
            (-1, "Wed Dec 31 23:59:59 1969", "Thu Jan 01 04:59:59 1970"),
        ] {
            assert_eq!(in_zone(date_s, TimeZone::UTC), utc);
            assert_eq!(in_zone(date_s, east.clone()), in_east);
        }
    }

    #[test]
    fn what_no_calendar_holds_is_told_in_seconds() {
        assert_eq!(in_zone(i64::MAX, TimeZone::UTC), "@9223372036854775807");
    }
}
