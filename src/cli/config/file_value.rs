//! The values in the configuration file.

use serde::de::{Deserialize, Deserializer, Error as _};
use toml::Value;

use super::value::{SettingValue, TomlType};

/// A value in the configuration file. Error messages do not repeat the value: it may be a secret.
pub(super) struct FileValue<T>(pub T);

impl<'de, T: FromToml> Deserialize<'de> for FileValue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        T::from_toml(&value).map(Self).map_err(D::Error::custom)
    }
}

/// A type for the values of keys in the configuration file.
pub(super) trait FromToml: Sized {
    /// Converts a TOML value. An error is a predicate whose subject is the key: `takes a number, not text`.
    fn from_toml(value: &Value) -> Result<Self, String>;
}

impl<T: SettingValue> FromToml for T {
    fn from_toml(value: &Value) -> Result<Self, String> {
        let text = match value {
            Value::String(text) if T::TOML_TYPE != TomlType::Number => text.clone(),
            Value::Integer(number) if T::TOML_TYPE != TomlType::Text => number.to_string(),
            _ if T::TOML_TYPE == TomlType::Number => return Err(mismatch("a number", value)),
            _ => return Err(mismatch("text in quotes", value)),
        };
        T::parse(&text).map_err(|reason| format!("is invalid: {reason}"))
    }
}

impl FromToml for bool {
    fn from_toml(value: &Value) -> Result<Self, String> {
        value
            .as_bool()
            .ok_or_else(|| mismatch("true or false", value))
    }
}

/// Converts an array to a list, and any other value to a list of one element.
impl<T: SettingValue> FromToml for Vec<T> {
    fn from_toml(value: &Value) -> Result<Self, String> {
        match value {
            Value::Array(values) => values.iter().map(T::from_toml).collect(),
            value => Ok(vec![T::from_toml(value)?]),
        }
    }
}

fn mismatch(expected: &str, value: &Value) -> String {
    let found = match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a number",
        Value::Float(_) => "a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    };
    format!("takes {expected}, not {found}")
}
