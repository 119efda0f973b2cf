//! The type of a setting: how a value is parsed from text and shown by `server --check`.

use std::ffi::OsStr;
use std::fmt;
use std::num::{IntErrorKind, ParseIntError};

use serde_json::Value;

use crate::names;

/// The TOML types that a key of the configuration file accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TomlType {
    /// A string.
    Text,
    /// An integer.
    Number,
    /// A string or an integer.
    TextOrNumber,
}

/// A type that the value of a setting may have, such as a number or a URL.
pub(super) trait SettingValue: Sized {
    /// The TOML types that the configuration file accepts.
    const TOML_TYPE: TomlType = TomlType::TextOrNumber;

    /// Parses a value from the configuration file.
    fn parse(text: &str) -> Result<Self, InvalidValue>;

    /// Parses the value of an environment variable.
    fn parse_os(text: &OsStr) -> Result<Self, InvalidValue> {
        match text.to_str() {
            Some(text) => Self::parse(text),
            None => Err(InvalidValue::new("not UTF-8")),
        }
    }

    /// Returns the value for the output of `server --check`, without secrets.
    fn shown(&self) -> Value;
}

/// The reason why a value is invalid. The text does not repeat any part of a URL, because a URL may contain a password.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum InvalidValue {
    /// A malformed branch name.
    #[error(transparent)]
    Name(names::Error),
    /// Any other reason.
    #[error("{0}")]
    Other(String),
}

impl InvalidValue {
    pub(super) fn new(reason: impl fmt::Display) -> Self {
        Self::Other(reason.to_string())
    }
}

/// Converts an error of the standard library about a number to a reason that says what is expected. The standard library's own texts, such
/// as `invalid digit found in string`, do not say that.
impl From<ParseIntError> for InvalidValue {
    fn from(error: ParseIntError) -> Self {
        Self::new(match error.kind() {
            IntErrorKind::PosOverflow => "the number is too large",
            IntErrorKind::NegOverflow => "the number is too small",
            _ => "expected a whole number",
        })
    }
}

impl From<names::Error> for InvalidValue {
    fn from(error: names::Error) -> Self {
        match error {
            names::Error::Url { fault, .. } | names::Error::ServerUrl { fault, .. } => {
                Self::Other(format!("the URL {fault}"))
            }
            names::Error::StoreLocation { fault, .. } => Self::Other(fault.to_owned()),
            error => Self::Name(error),
        }
    }
}
