//! The token that a form of the web UI must contain.

use std::fmt;

use subtle::ConstantTimeEq;

/// The token that a form of the web UI must contain. It is valid only for one session, or for one browser without a session.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::http) struct FormToken(pub(super) String);

impl FormToken {
    /// Returns the token as text for a form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the text from a form is this token.
    pub fn matches(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

impl fmt::Debug for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormToken")
    }
}
