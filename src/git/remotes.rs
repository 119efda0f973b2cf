//! The remotes of a repository: what its configuration says of them, read and written by git-config(1) and git-remote(1).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::time::Duration;

use super::program::{Error, Git};
use crate::names::RemoteUrl;

/// How long git may take to read or write the configuration.
const LIMIT: Duration = Duration::from_secs(60);

/// What is said of a remote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remote {
    /// Where it is pushed to: `pushurl`, else `url`.
    pub url: Option<String>,
    /// Whether it is to be made equal to the repository.
    pub is_mirror: bool,
    /// Whether it is fetched from, as the origin of a clone is.
    pub is_fetched: bool,
    /// The value of `wasmstoreChecked`, which is ours: the URL, without secrets, that was seen to be a mirror of this store.
    pub checked: Option<String>,
}

impl Git {
    /// All remotes in the repository's own configuration, by name.
    ///
    /// # Errors
    /// git is missing or fails.
    pub fn remotes(&self) -> Result<BTreeMap<String, Remote>, Error> {
        let text = self.config(&["config", "--local", "--null", "--list"])?;
        Ok(parse(&text))
    }

    /// Adds a remote that mirrors the repository.
    ///
    /// # Errors
    /// There is one of that name; git is missing or fails.
    pub fn add_mirror(&self, name: &str, url: &RemoteUrl) -> Result<(), Error> {
        let args = ["remote", "add", "--mirror=push", "--", name, url.secret()];
        self.config(&args).map(drop)
    }

    /// Moves a remote to another URL.
    ///
    /// # Errors
    /// There is none of that name; git is missing or fails.
    pub fn set_mirror_url(&self, name: &str, url: &RemoteUrl) -> Result<(), Error> {
        let args = ["remote", "set-url", "--", name, url.secret()];
        self.config(&args).map(drop)
    }

    /// Notes that what is at `url`, a URL without secrets, was seen to be a mirror of this store.
    ///
    /// # Errors
    /// git is missing or fails.
    pub fn set_checked(&self, name: &str, url: &str) -> Result<(), Error> {
        let key = format!("remote.{name}.wasmstoreChecked");
        self.config(&["config", "--local", "--replace-all", &key, url])
            .map(drop)
    }

    /// Removes a remote.
    ///
    /// # Errors
    /// There is none of that name; git is missing or fails.
    pub fn remove_remote(&self, name: &str) -> Result<(), Error> {
        self.config(&["remote", "remove", "--", name]).map(drop)
    }

    fn config(&self, args: &[&str]) -> Result<String, Error> {
        let args = args.iter().map(OsStr::new);
        let output = self.run("config", args, Vec::new(), LIMIT)?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}

/// Reads entries `<key>\n<value>\0`, or `<key>\0` where there is no value, which means true. The outer parts of a key are in
/// lower case.
fn parse(text: &str) -> BTreeMap<String, Remote> {
    let mut remotes = BTreeMap::<String, Remote>::new();
    for entry in text.split_terminator('\0') {
        let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
        let Some((name, what)) = key
            .strip_prefix("remote.")
            .and_then(|key| key.rsplit_once('.'))
        else {
            continue;
        };
        let remote = remotes.entry(name.to_owned()).or_default();
        match what {
            "pushurl" => remote.url = Some(value.to_owned()),
            "url" => drop(remote.url.get_or_insert_with(|| value.to_owned())),
            "mirror" => remote.is_mirror = is_true(value),
            "fetch" => remote.is_fetched = true,
            "wasmstorechecked" => remote.checked = Some(value.to_owned()),
            _ => {}
        }
    }
    remotes
}

/// git-config(1), VALUES.
fn is_true(value: &str) -> bool {
    let is = |word: &str| value.eq_ignore_ascii_case(word);
    is("true") || is("yes") || is("on") || value.parse::<i64>().is_ok_and(|number| number != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_read_from_the_configuration() {
        let text = "core.bare\ntrue\0remote.a.url\n/a\0remote.a.mirror\0remote.a.pushurl\n/p\0\
            remote.b.c.url\nh:b\0remote.b.c.fetch\n+x:y\0remote.b.c.mirror\nNO\0\
            remote.a.wasmstorechecked\n/p\0remote.pushdefault\na\0";
        let remotes = parse(text);
        let wanted = Remote {
            url: Some("/p".to_owned()),
            is_mirror: true,
            is_fetched: false,
            checked: Some("/p".to_owned()),
        };
        assert_eq!(remotes["a"], wanted);
        let wanted = Remote {
            url: Some("h:b".to_owned()),
            is_fetched: true,
            ..Remote::default()
        };
        assert_eq!(remotes["b.c"], wanted);
        assert_eq!(remotes.len(), 2);
    }
}
