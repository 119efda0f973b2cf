//! Reads and changes the remotes in a repository's configuration: git-config(1), git-remote(1).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::time::Duration;

use super::error::Error;
use super::program::Git;

/// How long git may take to read or write the configuration.
const LIMIT: Duration = Duration::from_secs(60);

/// The part of a git remote's configuration that wasmstore uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteConfig {
    /// The URL for pushes: `pushurl`, or else `url`; `None` if neither is set.
    pub url: Option<String>,
    /// Whether `mirror` is set: `git push` to this remote makes its refs equal to the refs of this repository.
    pub is_mirror: bool,
    /// Whether a refspec for fetches (`fetch`) is set, as git-clone(1) does for the remote `origin`.
    pub has_fetch_refspec: bool,
    /// The URL (without secrets) that wasmstore has verified to be a mirror of this store; `None` if it has verified none. It is the value
    /// of the remote's variable `wasmstoreChecked`, which git ignores.
    pub verified_url: Option<String>,
}

impl Git {
    /// Returns all remotes in the repository's own configuration file, by name.
    ///
    /// # Errors
    /// If git is missing or fails.
    pub fn remotes(&self) -> Result<BTreeMap<String, RemoteConfig>, Error> {
        let text = self.run_config(&["config", "--local", "--null", "--list"])?;
        Ok(parse_remotes(&text))
    }

    /// Records in the configuration of the remote `name` that `url`, a URL without secrets, is a mirror of this store.
    ///
    /// # Errors
    /// If git is missing or fails.
    pub fn set_verified_url(&self, name: &str, url: &str) -> Result<(), Error> {
        let key = format!("remote.{name}.wasmstoreChecked");
        self.run_config(&["config", "--local", "--replace-all", &key, url])
            .map(drop)
    }

    /// Removes the remote `name` from the configuration of the repository.
    ///
    /// # Errors
    /// If there is no remote with that name; if git is missing or fails.
    pub fn remove_remote(&self, name: &str) -> Result<(), Error> {
        self.run_config(&["remote", "remove", "--", name]).map(drop)
    }

    fn run_config(&self, args: &[&str]) -> Result<String, Error> {
        let args = args.iter().map(OsStr::new);
        let stdout = self.run("config", args, Vec::new(), LIMIT)?;
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }
}

/// Parses the output of `git config --null --list`: entries `<key>\n<value>\0`, or `<key>\0` without a value, which means true. git prints
/// the first and the last part of a key in lower case.
fn parse_remotes(text: &str) -> BTreeMap<String, RemoteConfig> {
    let mut remotes = BTreeMap::<String, RemoteConfig>::new();
    for entry in text.split_terminator('\0') {
        let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
        let Some((name, variable)) = key
            .strip_prefix("remote.")
            .and_then(|key| key.rsplit_once('.'))
        else {
            continue;
        };
        let remote = remotes.entry(name.to_owned()).or_default();
        match variable {
            "pushurl" => remote.url = Some(value.to_owned()),
            "url" => drop(remote.url.get_or_insert_with(|| value.to_owned())),
            "mirror" => remote.is_mirror = is_true(value),
            "fetch" => remote.has_fetch_refspec = true,
            "wasmstorechecked" => remote.verified_url = Some(value.to_owned()),
            _ => {}
        }
    }
    remotes
}

/// Returns whether `value` means true as the value of a boolean variable (git-config(1), "Values").
fn is_true(value: &str) -> bool {
    let is = |word: &str| value.eq_ignore_ascii_case(word);
    is("true") || is("yes") || is("on") || value.parse::<i64>().is_ok_and(|number| number != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_parsed_from_the_configuration() {
        let text = "core.bare\ntrue\0remote.a.url\n/a\0remote.a.mirror\0remote.a.pushurl\n/p\0\
            remote.b.c.url\nh:b\0remote.b.c.fetch\n+x:y\0remote.b.c.mirror\nNO\0\
            remote.a.wasmstorechecked\n/p\0remote.pushdefault\na\0";
        let remotes = parse_remotes(text);
        let expected = RemoteConfig {
            url: Some("/p".to_owned()),
            is_mirror: true,
            has_fetch_refspec: false,
            verified_url: Some("/p".to_owned()),
        };
        assert_eq!(remotes["a"], expected);
        let expected = RemoteConfig {
            url: Some("h:b".to_owned()),
            has_fetch_refspec: true,
            ..RemoteConfig::default()
        };
        assert_eq!(remotes["b.c"], expected);
        assert_eq!(remotes.len(), 2);
    }
}
