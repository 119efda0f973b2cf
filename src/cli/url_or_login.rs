//! An argument that is a URL, or `@` and the name of a login.

use crate::names::{self, LoginName};

/// A URL, or the name of a login in the login file, which has a URL.
#[derive(Clone, Debug)]
pub(super) enum UrlOrLogin<U> {
    Url(U),
    Login(LoginName),
}

impl<U> UrlOrLogin<U> {
    /// Parses `@` and the name of a login, or else a URL with `parse_url`.
    ///
    /// # Errors
    /// Those of [`LoginName::parse`] and `parse_url`.
    pub fn parse(
        text: &str,
        parse_url: impl FnOnce(&str) -> Result<U, names::Error>,
    ) -> Result<Self, names::Error> {
        if text.starts_with('@') {
            return LoginName::parse(text).map(Self::Login);
        }
        parse_url(text).map(Self::Url)
    }
}
