//! The value of `--root`, of `WASMSTORE_ROOT`, or of `root` in the configuration file.

use std::fmt;
use std::path::PathBuf;

use super::exit::Result;
use super::home::expand;
use super::logins::Logins;
use super::store_location::StoreLocation;
use crate::names::{self, LoginName, ServerUrl, address_without_scheme, invalid_store_location};

/// The location of a store, in the form in which the user gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RootSetting {
    /// A directory or a URL.
    Location(StoreLocation),
    /// The name of a login: `@NAME`.
    Login(LoginName),
}

impl RootSetting {
    /// Parses a location. Text that begins with `http:` or `https:` is a URL, and text that begins with `@` is the name of a login. Any
    /// other text is a directory, in which a leading `~` stands for the home directory. A directory with a name like `http:a` or `@a` is
    /// given as `./http:a` or `./@a`.
    ///
    /// # Errors
    /// The URL is malformed or has another scheme. Or the text has the form HOST:PORT, and there is no such directory. Text such as
    /// `htps://…` or `localhost:6384` is an error, because it is more likely a mistyped URL than a directory.
    pub fn parse(text: PathBuf) -> Result<Self, names::Error> {
        let lossy = text.to_string_lossy();
        if lossy.starts_with('@') {
            return LoginName::parse(&lossy).map(Self::Login);
        }
        let (scheme, rest) = lossy.split_once(':').unwrap_or_default();
        let is_http = ["http", "https"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known));
        if is_http {
            let url = ServerUrl::parse_base(&lossy)?;
            return Ok(Self::Location(StoreLocation::Server(url)));
        }
        let fail = |fault| invalid_store_location(&lossy, fault);
        if rest.starts_with("//") && is_scheme(scheme) {
            let fault =
                "has an unknown scheme: expected a directory, or a URL with http:// or https://";
            return Err(fail(fault));
        }
        if let Some(error) = address_without_scheme(&lossy)
            && !text.exists()
        {
            return Err(error);
        }
        let directory = expand(text.clone()).map_err(fail)?;
        Ok(Self::Location(StoreLocation::Directory(directory)))
    }

    /// Returns the directory, or the URL of the server. Looks up the name of a login in the login file.
    ///
    /// # Errors
    /// There is no login with the name.
    pub fn locate(self) -> Result<StoreLocation> {
        match self {
            Self::Location(location) => Ok(location),
            Self::Login(name) => {
                let url = Logins::read()?.find_name(&name)?.url().clone();
                Ok(StoreLocation::Server(url))
            }
        }
    }
}

/// Writes the setting as a user would; `~` is expanded.
impl fmt::Display for RootSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Location(StoreLocation::Directory(root)) => root.display().fmt(f),
            Self::Location(StoreLocation::Server(url)) => url.fmt(f),
            Self::Login(name) => write!(f, "@{}", name.as_str()),
        }
    }
}

/// Returns whether text can be the scheme of a URL (RFC 3986, section 3.1).
fn is_scheme(text: &str) -> bool {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_and_https_urls_are_servers() {
        for directory in [
            "/srv/store",
            "./http://a",
            "http",
            "./htps://a",
            "a b://c",
            "a:b",
            "1a://b",
            "/a://b",
            "./@a",
            "./localhost:6384",
            "",
        ] {
            let location = RootSetting::parse(directory.into()).unwrap();
            let expected = StoreLocation::Directory(directory.into());
            assert_eq!(location, RootSetting::Location(expected), "{directory}");
        }
        let url = ServerUrl::parse("https://a.example/x").unwrap();
        for text in ["https://a.example/x", "HTTPS://a.example/x/"] {
            let location = RootSetting::parse(text.into()).unwrap();
            let expected = StoreLocation::Server(url.clone());
            assert_eq!(location, RootSetting::Location(expected), "{text}");
        }
        let login = RootSetting::parse("@prod".into()).unwrap();
        assert_eq!(login, RootSetting::Login(LoginName::parse("prod").unwrap()));
        for text in [
            "http://a?b",
            "http:a",
            "HTTP:/a",
            "http:",
            "htps://a",
            "ftp://a",
            "ssh://git@a/b",
            "file:///srv/store",
            "git+ssh://a",
            "~nobody/a",
            "@",
            "@a/b",
        ] {
            assert!(RootSetting::parse(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_without_a_scheme_is_no_directory() {
        for text in ["localhost:6384", "modules.example.org:443/x", "[::1]:6384"] {
            let error = RootSetting::parse(text.into()).unwrap_err();
            assert!(
                matches!(error, names::Error::HostWithoutScheme { .. }),
                "{error}"
            );
        }
    }
}
