//! The type of flag values that are secret.

use std::convert::Infallible;
use std::fmt;

/// The text that is printed instead of a secret.
pub(super) const HIDDEN: &str = "…";

/// The secret value of a flag. Neither `Debug` nor `server --check` prints it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    /// Accepts any text. If this function rejected a value, clap would print the value in its error. So the value is validated later.
    pub fn parse(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }

    /// Returns the secret.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}
