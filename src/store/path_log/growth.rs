//! The minimum growth of a module, as a share of its size, that a log filter selects.

use std::fmt;
use std::str::FromStr;

/// The maximum number of digits after the decimal point of a percentage.
const DECIMALS: usize = 4;

/// The value of [`Growth`] for 100%, in 1/10,000 of a percent.
const WHOLE: u128 = 100 * 10_u128.pow(DECIMALS as u32);

/// A share of the size of a module, such as `10%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// The share, in 1/10,000 of a percent.
    share: u64,
}

/// The error for a text that is not a percentage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share such as `10%` or `2.5%`")]
pub struct GrowthError(String);

impl Growth {
    /// Returns whether a module has grown by at least this share. A module of the same size has not grown.
    pub fn is_reached(self, old_bytes: u64, new_bytes: u64) -> bool {
        let more = u128::from(new_bytes.saturating_sub(old_bytes));
        // Neither product overflows, because no factor has more than 64 bits.
        more > 0 && more * WHOLE >= u128::from(old_bytes) * u128::from(self.share)
    }
}

impl FromStr for Growth {
    type Err = GrowthError;

    fn from_str(text: &str) -> Result<Self, GrowthError> {
        let error = || GrowthError(text.chars().take(40).collect());
        let digits = text.strip_suffix('%').ok_or_else(error)?;
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        if !is_number(whole) || !is_number(decimals) || decimals.len() > DECIMALS {
            return Err(error());
        }
        let share = format!("{whole}{decimals:0<DECIMALS$}");
        Ok(Self {
            share: share.parse().map_err(|_| error())?,
        })
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = 10_u64.pow(DECIMALS as u32);
        let decimals = format!("{:0DECIMALS$}", self.share % one);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{}%", self.share / one),
            decimals => write!(f, "{}.{decimals}%", self.share / one),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage() {
        for (text, old, new, is_reached) in [
            ("10%", 100, 110, true),
            ("10%", 100, 109, false),
            ("10.5%", 1000, 1105, true),
            ("10.5%", 1000, 1104, false),
            ("0.0001%", 1_000_000, 1_000_001, true),
            ("0.0001%", 1_000_001, 1_000_002, false),
            ("0%", 10, 10, false),
            ("0%", 10, 11, true),
            ("0%", 10, 9, false),
            ("200%", 10, 30, true),
            ("10%", 0, 1, true),
            ("1844674407370955.1615%", 1, u64::MAX, true),
            ("1844674407370955.1615%", u64::MAX, u64::MAX, false),
        ] {
            let growth: Growth = text.parse().unwrap();
            assert_eq!(
                growth.is_reached(old, new),
                is_reached,
                "{text} {old} {new}"
            );
            assert_eq!(growth.to_string(), text);
        }
        assert_eq!("007.50%".parse::<Growth>().unwrap().to_string(), "7.5%");
        for text in [
            "",
            "10",
            "%",
            "-1%",
            "1.%",
            ".5%",
            "1,5%",
            "1.00001%",
            "+1%",
            "1e3%",
            "1844674407370956%",
        ] {
            text.parse::<Growth>().unwrap_err();
        }
    }
}
