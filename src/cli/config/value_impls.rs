//! Implements [`SettingValue`] for types that are also used outside of settings, and for enums.

use std::ffi::OsStr;
use std::num::IntErrorKind;
use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::Value;

use super::value::{InvalidValue, SettingValue, TomlType};
use super::value_types::WriteHandling;
use crate::bucket::BucketUrl;
use crate::cli::color::ColorChoice;
use crate::cli::home::expand;
use crate::cli::root_setting::RootSetting;
use crate::cli::secret::{HIDDEN, Secret};
use crate::cli::store_location::StoreLocation;
use crate::http::{AllowedHost, BasePath, ListenAddress, TrustedProxy};
use crate::names::{BranchName, Cutoff, RemoteUrl, ServerUrl, redact};

/// The maximum of a setting that is a count, for example of connections. It fits into every integer type that such counts are stored in.
const COUNT_MAX: usize = u32::MAX as usize;

/// Parses a count, which must be at least one.
pub(super) fn parse_count(text: &str) -> Result<usize, InvalidValue> {
    let out_of_range = || InvalidValue::Other(format!("must be between 1 and {COUNT_MAX}"));
    match text.parse() {
        Ok(count @ 1..=COUNT_MAX) => Ok(count),
        Ok(_) => Err(out_of_range()),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Err(out_of_range()),
        Err(error) => Err(InvalidValue::from(error)),
    }
}

impl SettingValue for Cutoff {
    fn parse(text: &str) -> Result<Self, InvalidValue> {
        Self::parse(text).map_err(InvalidValue::new)
    }

    fn shown(&self) -> Value {
        self.to_string().into()
    }
}

impl SettingValue for usize {
    const TOML_TYPE: TomlType = TomlType::Number;

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        parse_count(text)
    }

    fn shown(&self) -> Value {
        (*self).into()
    }
}

/// Implements [`SettingValue`] for small integer types. Every value of these types is valid.
macro_rules! integer_settings {
    ($($integer:ty),*) => {
        $(impl SettingValue for $integer {
            const TOML_TYPE: TomlType = TomlType::Number;

            fn parse(text: &str) -> Result<Self, InvalidValue> {
                let number: i64 = text.parse().map_err(InvalidValue::from)?;
                let (min, max) = (Self::MIN, Self::MAX);
                number
                    .try_into()
                    .map_err(|_| InvalidValue::Other(format!("{number} is not in {min}..={max}")))
            }

            fn shown(&self) -> Value {
                (*self).into()
            }
        })*
    };
}

integer_settings!(u8, u16, u32);

impl SettingValue for String {
    const TOML_TYPE: TomlType = TomlType::Text;

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        Ok(text.to_owned())
    }

    fn shown(&self) -> Value {
        redact(self).into()
    }
}

impl SettingValue for Secret {
    const TOML_TYPE: TomlType = TomlType::Text;

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        Self::parse(text).map_err(|never| match never {})
    }

    fn shown(&self) -> Value {
        HIDDEN.into()
    }
}

impl SettingValue for PathBuf {
    const TOML_TYPE: TomlType = TomlType::Text;

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "" => Err(InvalidValue::new("must not be empty")),
            text => expand(text.into()).map_err(InvalidValue::new),
        }
    }

    fn shown(&self) -> Value {
        redact(&self.to_string_lossy()).into()
    }
}

impl SettingValue for RootSetting {
    const TOML_TYPE: TomlType = TomlType::Text;

    fn parse(text: &str) -> Result<Self, InvalidValue> {
        Ok(Self::parse(<PathBuf as SettingValue>::parse(text)?)?)
    }

    fn parse_os(text: &OsStr) -> Result<Self, InvalidValue> {
        Ok(Self::parse(text.into())?)
    }

    fn shown(&self) -> Value {
        match self {
            Self::Location(StoreLocation::Directory(path)) => path.shown(),
            Self::Location(StoreLocation::Server(url)) => url.shown(),
            Self::Login(name) => name.to_string().into(),
        }
    }
}

/// Implements [`SettingValue`] for names and URLs.
macro_rules! name_settings {
    ($($name:ty),*) => {
        $(impl SettingValue for $name {
            fn parse(text: &str) -> Result<Self, InvalidValue> {
                Ok(Self::parse(text)?)
            }

            fn shown(&self) -> Value {
                redact(&self.to_string()).into()
            }
        })*
    };
}

name_settings!(BranchName, RemoteUrl, ServerUrl);

impl SettingValue for BucketUrl {
    fn parse(text: &str) -> Result<Self, InvalidValue> {
        Self::parse(text).map_err(InvalidValue::new)
    }

    fn shown(&self) -> Value {
        self.to_string().into()
    }
}

/// Implements [`SettingValue`] for types that are parsed from text and contain no secret.
macro_rules! plain_settings {
    ($($plain:ty),*) => {
        $(impl SettingValue for $plain {
            const TOML_TYPE: TomlType = TomlType::Text;

            fn parse(text: &str) -> Result<Self, InvalidValue> {
                text.parse().map_err(InvalidValue::new)
            }

            fn shown(&self) -> Value {
                self.to_string().into()
            }
        })*
    };
}

plain_settings!(AllowedHost, BasePath, ListenAddress, TrustedProxy);

/// Implements [`SettingValue`] for enums.
macro_rules! enum_settings {
    ($($choice:ty),*) => {
        $(impl SettingValue for $choice {
            fn parse(text: &str) -> Result<Self, InvalidValue> {
                <Self as ValueEnum>::from_str(text, false).map_err(|_| {
                    let names: Vec<_> = Self::value_variants().iter().map(choice_name).collect();
                    InvalidValue::Other(format!("must be one of {}", names.join(", ")))
                })
            }

            fn shown(&self) -> Value {
                choice_name(self).into()
            }
        })*
    };
}

enum_settings!(ColorChoice, WriteHandling);

fn choice_name(choice: &impl ValueEnum) -> String {
    let value = choice.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}
