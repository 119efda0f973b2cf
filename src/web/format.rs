//! Formats numbers and times as text.

use maud::{Markup, html};

/// Returns a number of bytes with a unit: `41 B`, `12.3 kB`, `1.20 MB`. The units are powers of 1000.
pub(super) fn bytes(count: u64) -> String {
    let units = [("kB", 1e3), ("MB", 1e6), ("GB", 1e9)];
    let fitting = units
        .iter()
        .rev()
        .find(|(_, size)| count as f64 >= *size * 0.9995);
    let Some((unit, size)) = fitting else {
        return format!("{count} B");
    };
    let value = count as f64 / size;
    let decimals = match value {
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// Returns the difference between two sizes with a sign: `+1.20 kB`, `−41 B`, `±0 B`.
pub(super) fn bytes_change(old: u64, new: u64) -> String {
    match new.cmp(&old) {
        std::cmp::Ordering::Less => format!("−{}", bytes(old - new)),
        std::cmp::Ordering::Equal => "±0 B".to_owned(),
        std::cmp::Ordering::Greater => format!("+{}", bytes(new - old)),
    }
}

/// Returns a number with a narrow space between groups of three digits, if it has more than four digits.
pub(super) fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && digits.len() > 4 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Returns a number with its noun: `one` for 1, otherwise `many`.
pub(super) fn counted(number: usize, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", count(number as u64))
}

/// Returns text for an attribute or an option, cut to `chars_max` characters.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    super::text::plain(text, chars_max)
}

/// Returns the share of `part` in `whole`, in percent.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0%".to_owned();
    }
    let share = part as f64 / whole as f64 * 100.0;
    match share {
        share if share >= 9.95 => format!("{share:.0}%"),
        share if share >= 0.095 => format!("{share:.1}%"),
        share if share > 0.0 => "<0.1%".to_owned(),
        _ => "0%".to_owned(),
    }
}

/// Renders a time as an HTML `time` element with the date. The script of the page replaces the date by the time since then. A time outside
/// of the years 1 to 9999 is shown as a number of seconds.
pub(super) fn time(seconds: i64) -> Markup {
    match date_and_time(seconds) {
        Some((date, time)) => html! {
            time datetime=(format!("{date}T{time}Z")) title=(format!("{date} {time} UTC")) { (date) }
        },
        None => html! { span { "second " (seconds) } },
    }
}

/// Returns the date and the time of day in UTC; `None` outside of the years 1 to 9999.
pub(super) fn date_and_time(seconds: i64) -> Option<(String, String)> {
    let days = seconds.div_euclid(86_400);
    let second = seconds.rem_euclid(86_400);
    let (year, month, day) = civil(days)?;
    let date = format!("{year:04}-{month:02}-{day:02}");
    let time = format!(
        "{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    Some((date, time))
}

/// Returns year, month and day for a number of days since 1970-01-01, in the Gregorian calendar. Counts in periods of 400 years whose years
/// begin in March, so that a leap day is the last day of a year.
fn civil(days: i64) -> Option<(i64, i64, i64)> {
    const ERA_DAYS: i64 = 146_097;
    // Adds the number of days from 0000-03-01 to 1970-01-01.
    let days = days.checked_add(719_468)?;
    let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (1..=9999).contains(&year).then_some((year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (12_345, "12.3 kB"),
            (999_600, "1.00 MB"),
            (841_293, "841 kB"),
            (1_200_000, "1.20 MB"),
            (5_000_000_000, "5.00 GB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(bytes_change(10, 4), "−6 B");
        assert_eq!(bytes_change(1, 2001), "+2.00 kB");
        assert_eq!(bytes_change(1, 1), "±0 B");
        assert_eq!(count(1234_u64), "1234");
        assert_eq!(count(12_345_678_u64), "12\u{202f}345\u{202f}678");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date, time) in [
            (0, "1970-01-01", "00:00:00"),
            (951_782_400, "2000-02-29", "00:00:00"),
            (1_795_969_999, "2026-11-29", "16:33:19"),
            (-1, "1969-12-31", "23:59:59"),
            (-62_135_596_800, "0001-01-01", "00:00:00"),
            (253_402_300_799, "9999-12-31", "23:59:59"),
        ] {
            let found = date_and_time(seconds).unwrap();
            assert_eq!(found, (date.to_owned(), time.to_owned()));
        }
        for none in [i64::MIN, i64::MAX, 253_402_300_800, -62_135_596_801] {
            assert_eq!(date_and_time(none), None, "{none}");
        }
    }
}
