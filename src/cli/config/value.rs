//! From a value of the file to arguments.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use toml::de::DeValue;

use super::flags::{Fault, Flag, Kind};

/// A value of the file as arguments. File names in it are taken from `folder`, that of the file.
///
/// # Errors
/// What is wrong with the value, without the value.
pub(super) fn words(
    flag: &Flag,
    value: &DeValue<'_>,
    folder: &Path,
) -> Result<Vec<OsString>, String> {
    let other = |wanted: &str| Err(format!("takes {wanted}, not {}", kind_of(value)));
    match (flag.kind(), value) {
        (Kind::Switch, DeValue::Boolean(true)) => Ok(vec![flag.bare()]),
        (Kind::Switch, DeValue::Boolean(false)) => Ok(Vec::new()),
        (Kind::Switch, _) => other("true or false"),
        (Kind::Count, DeValue::Integer(_)) => match integer(value).and_then(times) {
            Some(times) => Ok(vec![flag.bare(); times]),
            None => Err("takes a number from 0 to 255".to_owned()),
        },
        (Kind::Count, _) => other("a number"),
        (Kind::One, _) => Ok(vec![word(flag, value, folder)?]),
        (Kind::Many, DeValue::Array(values)) => values
            .iter()
            .map(|value| word(flag, value.get_ref(), folder))
            .collect(),
        // One that is a list elsewhere may stand by itself.
        (Kind::Many, _) => Ok(vec![word(flag, value, folder)?]),
    }
}

fn word(flag: &Flag, value: &DeValue<'_>, folder: &Path) -> Result<OsString, String> {
    let other = |wanted: &str| Err(format!("takes {wanted}, not {}", kind_of(value)));
    let text = match value {
        DeValue::String(_) if flag.is_number() => return other("a number"),
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(_) if flag.is_text() => return other("text in quotes"),
        DeValue::Integer(_) => match integer(value) {
            Some(number) => number.to_string(),
            None => return Err("has a number that is too large".to_owned()),
        },
        _ if flag.is_number() => return other("a number"),
        _ => return other("text in quotes"),
    };
    let text = OsStr::new(&text);
    flag.check(text).map_err(|fault| match fault {
        Fault::Name(name) => format!("is refused: {name}"),
        Fault::Other(fault) => format!("is refused: {fault}"),
    })?;
    Ok(flag.with(&flag.rooted(text, folder)))
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn times(number: i64) -> Option<usize> {
    u8::try_from(number).ok().map(usize::from)
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
