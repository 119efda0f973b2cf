//! Reads environment variables. An empty variable counts as unset.

use std::ffi::OsString;

use super::exit::{Error, Result};

/// Returns the value of an environment variable; `None` if it is unset or empty.
pub(super) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Returns the value of an environment variable as text; `None` if it is unset or empty.
///
/// # Errors
/// The value is not UTF-8.
pub(super) fn text_variable(name: &'static str) -> Result<Option<String>> {
    let to_text = |value: OsString| value.into_string().map_err(|_| Error::Variable(name));
    variable(name).map(to_text).transpose()
}
