//! A text that nobody is to see.

use std::convert::Infallible;
use std::fmt;

/// What stands in the place of a secret.
pub(super) const HIDDEN: &str = "…";

/// The value of a flag that is a secret. It is shown nowhere: a flag of this type is hidden by all that prints settings.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    /// Takes any text, since what refuses one is quoted by who refuses: it is to be judged where it is used.
    pub fn parse(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}
