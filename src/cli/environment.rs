//! Environment variables. An empty variable counts as unset.

use std::ffi::OsString;

use super::exit::{Error, Result};

/// Returns an environment variable.
pub(super) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Returns an environment variable that has to be UTF-8.
pub(super) fn text_variable(name: &'static str) -> Result<Option<String>> {
    let to_text = |value: OsString| value.into_string().map_err(|_| Error::Variable(name));
    variable(name).map(to_text).transpose()
}
