//! URLs of other git repositories. Only forms are accepted that cannot make git run a program that the URL names.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::error::{Error, quoted};
use super::mirror::MirrorName;
use super::url_credentials::has_control_character;

/// The maximum length of a URL, in bytes.
const BYTES_MAX: usize = 2048;

/// The accepted schemes. Other schemes, and the form `<helper>::<address>`, make git run a program of that name
/// (gitremote-helpers(7)).
const SCHEMES: [&str; 5] = ["https", "http", "ssh", "git", "file"];

/// The text that replaces a secret.
const HIDDEN: &str = "***";

/// The URL of another git repository: `https`, `http`, `ssh`, `git` or `file`, the short form `user@host:path` of ssh, or the absolute path
/// of a directory. It may contain a password, which only [`secret`](Self::secret) returns; `Display` and `Debug` hide it.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteUrl(String);

impl RemoteUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// [`Error::Url`], without secrets.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(fault) => Err(Error::Url {
                url: quoted(&redact(text)),
                fault,
            }),
        }
    }

    /// Returns the URL with its secrets. It may be written to the store's configuration, but must not be passed as an argument to a
    /// program.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Replaces the secrets of this URL, and of any other URL, by `***` in a text such as an error message of git.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let redacted = redact(text);
        match self
            .password()
            .filter(|password| redacted.contains(password))
        {
            Some(password) => Cow::Owned(redacted.replace(password, HIDDEN)),
            None => redacted,
        }
    }

    /// Returns a name for a mirror at this URL: the host, or `mirror` if the URL has no host or the host is not a valid mirror
    /// name.
    pub fn mirror_name(&self) -> MirrorName {
        let fallback = || MirrorName::parse("mirror").expect("BUG: mirror is a name");
        MirrorName::parse(host(&self.0).unwrap_or_default()).unwrap_or_else(|_| fallback())
    }

    fn password(&self) -> Option<&str> {
        let (_, rest) = self.0.split_once("://")?;
        let (user, _) = authority(rest).rsplit_once('@')?;
        let password = user.split_once(':').map_or(user, |(_, password)| password);
        // A password of up to three characters is likely to occur elsewhere in a text, where it would be replaced, too.
        (password.len() > 3).then_some(password)
    }
}

/// Returns the host of a URL or of the short form `[user@]host:path`; `None` for a path without a colon.
fn host(url: &str) -> Option<&str> {
    let authority = match url.split_once("://") {
        Some((_, rest)) => authority(rest),
        None => url.split_once(':')?.0,
    };
    let host_and_port = authority.rsplit('@').next()?;
    Some(host_and_port.split(':').next().unwrap_or(host_and_port))
}

/// Returns the authority of a URL: the user, the host and the port. `rest` is the part of the URL after `://`.
pub(super) fn authority(rest: &str) -> &str {
    let ends =
        |c: char| matches!(c, '/' | '?' | '#' | '\'' | '"' | '<' | '>' | '`') || c.is_whitespace();
    rest.split(ends).next().unwrap_or_default()
}

fn fault(url: &str) -> Option<&'static str> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    let host = host(url).unwrap_or_default();
    let is_helper = url
        .split_once("::")
        .is_some_and(|(helper, _)| !helper.contains(['/', '@', '[', ':']));
    match url {
        "" => Some("is empty"),
        url if url.len() > BYTES_MAX => Some("is longer than 2048 bytes"),
        url if url.chars().any(char::is_control) || has_control_character(url) => {
            Some("contains a control character")
        }
        // git or ssh would parse such a URL or host as an option.
        url if url.starts_with('-') || host.starts_with('-') => Some("starts like an option"),
        _ if is_helper => Some("names a remote helper: use https, http, ssh, git, file or a path"),
        url if url.starts_with('/') => None,
        _ if scheme.is_some_and(|scheme| SCHEMES.contains(&scheme)) => None,
        _ if scheme.is_some() => Some("is neither https, http, ssh, git nor file"),
        url if is_short_ssh(url) => None,
        _ => Some("is neither a URL, nor host:path, nor an absolute path"),
    }
}

/// Returns whether the URL is `[user@]host:path`, with no slash before the colon (git-clone(1), GIT URLS).
fn is_short_ssh(url: &str) -> bool {
    let parts = url.split_once(':');
    parts.is_some_and(|(host, path)| !host.is_empty() && !host.contains('/') && !path.is_empty())
}

/// Replaces the secrets of all URLs in a text by `***`: passwords, query strings, and the user name of an `http` or `https` URL without a
/// password, which may be a token.
pub fn redact(text: &str) -> Cow<'_, str> {
    let Some((before, _)) = text.split_once("://") else {
        return Cow::Borrowed(text);
    };
    let (mut redacted, mut rest) = (String::new(), text);
    let mut scheme_end = before.len();
    loop {
        let scheme = &rest[..scheme_end];
        let is_web = scheme.ends_with("http") || scheme.ends_with("https");
        redacted.extend([scheme, "://"]);
        rest = &rest[scheme_end + "://".len()..];
        let authority = authority(rest);
        if let Some((user, host)) = authority.rsplit_once('@') {
            match user.split_once(':') {
                Some((name, _)) => redacted.extend([name, ":", HIDDEN]),
                None if is_web => redacted.push_str(HIDDEN),
                None => redacted.push_str(user),
            }
            redacted.extend(["@", host]);
        } else {
            redacted.push_str(authority);
        }
        rest = hide_query(&rest[authority.len()..], &mut redacted);
        match rest.find("://") {
            Some(next) => scheme_end = next,
            None => break,
        }
    }
    redacted.push_str(rest);
    Cow::Owned(redacted)
}

/// Appends the path at the start of `rest` to `redacted`, with its query string hidden. Returns the text after the query string.
fn hide_query<'r>(rest: &'r str, redacted: &mut String) -> &'r str {
    let ends = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '<' | '>');
    let (url, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
    match url.split_once('?') {
        Some((path, _)) => redacted.extend([path, "?", HIDDEN]),
        None => redacted.push_str(url),
    }
    after
}

impl FromStr for RemoteUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// Writes the URL without secrets.
impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.0))
    }
}

/// Writes the URL without secrets.
impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", redact(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_run_a_program_are_rejected() {
        for url in [
            "https://example.org/a.git",
            "http://u:p@localhost:80/a",
            "ssh://git@example.org:22/~/a.git",
            "git://example.org/a",
            "file:///srv/a.git",
            "/srv/a.git",
            "/srv/a::b",
            "git@example.org:a/b.git",
            "example.org:a",
            "[::1]:a",
        ] {
            assert_eq!(RemoteUrl::parse(url).unwrap().secret(), url);
        }
        for url in [
            "",
            "ext::sh -c id",
            "https::https://example.org/a",
            "fd::7",
            "--upload-pack=id",
            "-oProxyCommand=id:a",
            "ssh://-oProxyCommand=id/a",
            "ssh://u@-x/a",
            "ftp://example.org/a",
            "HTTPS://example.org/a",
            "a.git",
            "./a:b",
            "https://example.org/a\nb",
            &format!("/{}", "a".repeat(2048)),
        ] {
            let result = RemoteUrl::parse(url);
            assert!(matches!(result, Err(Error::Url { .. })), "{url:?}");
        }
    }

    #[test]
    fn secrets_are_hidden_in_every_position() {
        for (text, redacted) in [
            ("https://ann:pw@h/x", "https://ann:***@h/x"),
            ("https://ann:p@w:@h:1/x?y", "https://ann:***@h:1/x?***"),
            ("https://token@h", "https://***@h"),
            ("ssh://git@h/x", "ssh://git@h/x"),
            ("ssh://git:pw@h/x", "ssh://git:***@h/x"),
            ("https://h/x?private_token=s", "https://h/x?***"),
            ("git@h:x", "git@h:x"),
            (
                "fatal: 'https://a:b@h/x?c=d': not found, nor https://e:f@g",
                "fatal: 'https://a:***@h/x?***': not found, nor https://e:***@g",
            ),
            ("plain", "plain"),
            ("://", "://"),
        ] {
            assert_eq!(redact(text), redacted);
        }
        let url = RemoteUrl::parse("https://ann:s3cr3t@h/x").unwrap();
        assert_eq!(format!("{url} {url:?}").matches("s3cr3t").count(), 0);
        assert_eq!(url.redact("remote: no s3cr3t here"), "remote: no *** here");
        let error = RemoteUrl::parse("ftp://ann:s3cr3t@h/x").unwrap_err();
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }

    #[test]
    fn a_mirror_is_named_after_its_host() {
        for (url, name) in [
            ("https://ann:pw@git.example.org:8443/a", "git.example.org"),
            ("git@example.org:a/b.git", "example.org"),
            ("/srv/a.git", "mirror"),
            ("file:///srv/a.git", "mirror"),
            ("ssh://[::1]/a", "mirror"),
        ] {
            assert_eq!(
                RemoteUrl::parse(url).unwrap().mirror_name().as_str(),
                name,
                "{url}"
            );
        }
    }
}
