//! Separates the user name and the password from the URL of another git repository.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::remote_url::{RemoteUrl, authority};

/// The user name and the password of an `http` or `https` URL. `Debug` is not implemented, because both may be secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlCredentials {
    /// The user name, percent-decoded. Without a password, it may be a token.
    pub user: String,
    /// The password, percent-decoded; `None` if the URL contains none.
    pub password: Option<String>,
}

impl RemoteUrl {
    /// Returns the URL without secrets. It is used in the arguments of a program, which every user of the machine can read. An `http` or
    /// `https` URL is returned without its user name and password. Any other URL is returned without its password, which ssh could not use
    /// anyway.
    pub fn without_credentials(&self) -> Cow<'_, str> {
        let url = self.secret();
        let Some((scheme, user, rest)) = split(url) else {
            return Cow::Borrowed(url);
        };
        if is_web(scheme) {
            return Cow::Owned(format!("{scheme}://{rest}"));
        }
        match user.split_once(':') {
            Some((name, _)) => Cow::Owned(format!("{scheme}://{name}@{rest}")),
            None => Cow::Borrowed(url),
        }
    }

    /// Returns the credentials of an `http` or `https` URL; `None` if it contains none.
    pub fn credentials(&self) -> Option<UrlCredentials> {
        let (_, user, _) = split(self.secret()).filter(|(scheme, ..)| is_web(scheme))?;
        let (name, password) = match user.split_once(':') {
            Some((name, password)) => (name, Some(password)),
            None => (user, None),
        };
        Some(UrlCredentials {
            user: decode(name),
            password: password.map(decode),
        })
    }
}

/// Splits a URL with a user into the scheme, the user with the password, and the rest, which begins with the host; `None` if there is no
/// user.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (user, _) = authority(rest).rsplit_once('@')?;
    Some((scheme, user, &rest[user.len() + 1..]))
}

fn is_web(scheme: &str) -> bool {
    matches!(scheme, "http" | "https")
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Returns whether the decoded user name or password contains a control character, which git's protocol for credentials cannot
/// transmit (git-credential(1)).
pub(super) fn has_control_character(url: &str) -> bool {
    let user = split(url).map(|(_, user, _)| decode(user));
    user.is_some_and(|user| user.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_separated_from_the_url() {
        for (url, rest, credentials) in [
            (
                "https://ann:pw@h:1/x",
                "https://h:1/x",
                Some(("ann", Some("pw"))),
            ),
            (
                "https://a%40b:p@%3aw@h/x",
                "https://h/x",
                Some(("a@b", Some("p@:w"))),
            ),
            ("http://:pw@h", "http://h", Some(("", Some("pw")))),
            ("http://t0k3n@h/x", "http://h/x", Some(("t0k3n", None))),
            ("https://h/a@b", "https://h/a@b", None),
            ("ssh://git@h/x", "ssh://git@h/x", None),
            ("ssh://git:pw@h/x", "ssh://git@h/x", None),
            ("git@h:x", "git@h:x", None),
            ("/srv/a@b", "/srv/a@b", None),
        ] {
            let url = RemoteUrl::parse(url).unwrap();
            assert_eq!(url.without_credentials(), rest);
            let found = url.credentials();
            let found = found.map(|found| (found.user, found.password));
            let expected =
                credentials.map(|(user, password)| (user.to_owned(), password.map(str::to_owned)));
            assert_eq!(found, expected, "{url}");
        }
        assert!(RemoteUrl::parse("https://ann:p%0aw@h").is_err());
    }
}
