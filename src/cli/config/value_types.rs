//! Types that are used only for settings.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use serde_json::Value;

use super::value::{InvalidValue, SettingValue, TomlType};
use crate::cli::home::expand;
use crate::names::redact;

/// The maximum of a setting that is a time: a year, in seconds. With this limit, adding the time to the current time cannot overflow.
const SECONDS_MAX: u64 = 31_536_000;
/// The minimum and the maximum time between two runs of a maintenance job.
const INTERVAL_MIN: Duration = Duration::from_secs(1);
const INTERVAL_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// A size in bytes or a count that is at least `MIN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct AtLeast<const MIN: u64>(pub u64);

/// A time in whole seconds, from one second to a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Seconds(pub Duration);

/// The time between two runs of a maintenance job, written like `7d`, `12h` or `1h30m`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Interval {
    text: String,
    /// The length of the interval.
    pub duration: Duration,
}

impl<const MIN: u64> FromStr for AtLeast<MIN> {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text.parse() {
            Ok(number) if number >= MIN => Ok(Self(number)),
            Ok(_) => Err(InvalidValue::Other(format!("must be at least {MIN}"))),
            Err(error) => Err(InvalidValue::from(error)),
        }
    }
}

impl<const MIN: u64> fmt::Display for AtLeast<MIN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Seconds {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text.parse() {
            Ok(seconds @ 1..=SECONDS_MAX) => Ok(Self(Duration::from_secs(seconds))),
            Ok(_) => Err(InvalidValue::new("must be between a second and a year")),
            Err(error) => Err(InvalidValue::from(error)),
        }
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_secs().fmt(f)
    }
}

impl FromStr for Interval {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let span: Span = text
            .parse()
            .map_err(|_| InvalidValue::new("not a duration like 7d, 12h or 1h30m"))?;
        let duration = span.to_duration(SpanRelativeTo::days_are_24_hours());
        match duration.ok().and_then(|some| Duration::try_from(some).ok()) {
            Some(duration) if (INTERVAL_MIN..=INTERVAL_MAX).contains(&duration) => Ok(Self {
                text: text.to_owned(),
                duration,
            }),
            _ => Err(InvalidValue::new(
                "must be between a second and a year, in days or smaller units",
            )),
        }
    }
}

/// The files of a private key and its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct TlsFiles {
    pub key: PathBuf,
    pub certificate: PathBuf,
}

impl TlsFiles {
    /// Parses `KEY_FILE,CERT_FILE`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text.split_once(',') {
            Some((key, certificate)) if !key.is_empty() && !certificate.is_empty() => Ok(Self {
                key: expand(key.into())?,
                certificate: expand(certificate.into())?,
            }),
            _ => Err("TLS needs two files: KEY_FILE,CERT_FILE"),
        }
    }
}

/// How a replica handles writes.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(in crate::cli) enum WriteHandling {
    /// Redirect the client to the primary with status 307
    Redirect,
    /// Refuse the write with status 403
    Refuse,
}

impl<const MIN: u64> SettingValue for AtLeast<MIN> {
    const TOML_TYPE: TomlType = TomlType::Number;

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        text.parse()
    }

    fn shown(&self) -> Value {
        self.0.into()
    }
}

impl SettingValue for Seconds {
    fn parse(text: &str) -> Result<Self, InvalidValue> {
        text.parse()
    }

    fn shown(&self) -> Value {
        self.0.as_secs().into()
    }
}

impl SettingValue for Interval {
    fn parse(text: &str) -> Result<Self, InvalidValue> {
        text.parse()
    }

    fn shown(&self) -> Value {
        self.text.as_str().into()
    }
}

impl SettingValue for TlsFiles {
    const TOML_TYPE: TomlType = TomlType::Text;

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        Self::parse(text).map_err(InvalidValue::new)
    }

    fn shown(&self) -> Value {
        let (key, certificate) = (self.key.display(), self.certificate.display());
        redact(&format!("{key},{certificate}")).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_accepts_common_notations() {
        for (text, hours) in [
            ("7d", 168.0),
            ("1w", 168.0),
            ("12h", 12.0),
            ("90m", 1.5),
            ("1h30m", 1.5),
            ("1d 12h", 36.0),
            ("2 hours", 2.0),
            ("3600s", 1.0),
            ("365d", 8760.0),
        ] {
            let interval: Interval = text.parse().unwrap();
            assert_eq!(interval.duration, Duration::from_secs_f64(hours * 3600.0));
        }
        for text in ["", "7", "h", "-1h", "0s", "999ms", "2y", "1 month", "400d"] {
            text.parse::<Interval>().unwrap_err();
        }
    }
}
