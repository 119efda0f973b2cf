//! The logins of the user: the API keys that `login` saved, one for each server.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::environment::variable;
use super::exit::{Error, Result};
use super::exposed_file::is_readable_by_others;
use super::output_file;
use crate::http::read_bounded_regular_file;
use crate::names::{LoginName, ServerUrl};
use crate::wire::AsString;

/// The path of the login file, relative to the user's directory for configuration files (`XDG_CONFIG_HOME`).
const FILE: &str = "wasmstore/logins.json";
/// The maximum size of the login file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The content and the path of the login file, which only the user can read.
#[derive(Debug)]
pub(super) struct Logins {
    path: PathBuf,
    logins: Vec<Login>,
}

/// The API key for one server, and the name that the user gave to the server.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    url: AsString<ServerUrl>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    key: String,
}

/// The content of the login file, as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginFile {
    logins: Vec<Login>,
}

impl Logins {
    /// Reads the login file. Without such a file or a home directory, returns no logins.
    ///
    /// # Errors
    /// Other users can read the file; this process cannot read it; it is malformed.
    pub fn read() -> Result<Self> {
        match path() {
            Some(path) => Self::read_from(path),
            None => Ok(Self {
                path: PathBuf::new(),
                logins: Vec::new(),
            }),
        }
    }

    fn read_from(path: PathBuf) -> Result<Self> {
        let bytes = match read_bounded_regular_file(&path, FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => b"{\"logins\":[]}".to_vec(),
            Err(source) => return Err(Error::Input { path, source }),
        };
        if path
            .metadata()
            .is_ok_and(|file| is_readable_by_others(&file))
        {
            return Err(Error::ExposedKey(path));
        }
        // The error of the JSON parser is not shown, because it can quote a key.
        match serde_json::from_slice::<LoginFile>(&bytes) {
            Ok(LoginFile { logins }) => Ok(Self { path, logins }),
            Err(error) => Err(Error::LoginFile {
                path,
                line: error.line(),
            }),
        }
    }

    /// Returns the logins, in the order in which they were made.
    pub fn iter(&self) -> impl Iterator<Item = &Login> {
        self.logins.iter()
    }

    /// Returns the login for a server.
    pub fn find(&self, url: &ServerUrl) -> Option<&Login> {
        self.iter().find(|login| login.url.0.is_same_server(url))
    }

    /// Returns the login with this name.
    ///
    /// # Errors
    /// No login has this name.
    pub fn find_name(&self, name: &LoginName) -> Result<&Login> {
        let is_named = |login: &&Login| login.name.as_deref() == Some(name.as_str());
        let found = self.iter().find(is_named);
        found.ok_or_else(|| Error::NoLogin(name.to_string()))
    }

    /// Adds a login, and removes the previous login for the same server. If `name` is `None`, the new login has the name of the previous
    /// one. If the login for another server has the same name, that login loses the name.
    pub fn insert(&mut self, url: ServerUrl, name: Option<&LoginName>, key: String) {
        let name = name.map(|name| name.as_str().to_owned());
        let name = name.or_else(|| self.find(&url)?.name.clone());
        self.remove(&url);
        for other in &mut self.logins {
            if name.is_some() && other.name == name {
                other.name = None;
            }
        }
        self.logins.push(Login {
            url: AsString(url),
            name,
            key,
        });
    }

    /// Removes the login for a server. Returns whether there was one.
    pub fn remove(&mut self, url: &ServerUrl) -> bool {
        let count = self.logins.len();
        self.logins.retain(|login| !login.url.0.is_same_server(url));
        self.logins.len() < count
    }

    /// Changes the login file under a lock that excludes other processes. If the file's directory does not exist, creates it, accessible
    /// only to the user.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read) and of `change`; there is no home directory; the file cannot be written.
    pub fn update<T>(change: impl FnOnce(&mut Self) -> Result<T>) -> Result<(Self, T)> {
        Self::update_at(path().ok_or(Error::NoConfigDirectory)?, change)
    }

    fn update_at<T>(
        path: PathBuf,
        change: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<(Self, T)> {
        let lock = path.with_extension("lock");
        // The lock is on a separate file, because each write replaces the login file: a lock on the old file would not exclude a process
        // that opens the new one.
        let _lock = lock_file(&lock).map_err(|source| Error::OutputFile { path: lock, source })?;
        let mut logins = Self::read_from(path)?;
        let result = change(&mut logins)?;
        logins.write()?;
        Ok((logins, result))
    }

    /// Replaces the login file atomically.
    fn write(&self) -> Result<()> {
        let content = LoginFile {
            logins: self.logins.clone(),
        };
        let mut text = serde_json::to_string_pretty(&content).expect("BUG: plain data is JSON");
        text.push('\n');
        output_file::write_private(&self.path, text.as_bytes())
    }

    /// Returns the path of the login file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Login {
    /// Returns the URL of the server.
    pub fn url(&self) -> &ServerUrl {
        &self.url.0
    }

    /// Returns the name that the user gave to the server, without an `@`.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the API key, which is a secret.
    pub fn expose_key(&self) -> &str {
        &self.key
    }
}

/// Locks a file until the returned value is dropped. Creates the file and its directory if they do not exist.
fn lock_file(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent().filter(|directory| !directory.is_dir()) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    file.lock()?;
    Ok(file)
}

/// Formats the login without its key.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Login")
            .field(self.url())
            .field(&self.name)
            .finish()
    }
}

/// Returns the path of the login file; `None` without a home directory. A relative path in `XDG_CONFIG_HOME` is ignored (XDG Base
/// Directory Specification).
fn path() -> Option<PathBuf> {
    let directory = variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let directory = directory.filter(|directory| directory.is_absolute());
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(".config"));
    Some(directory.or_else(home)?.join(FILE))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn url(text: &str) -> ServerUrl {
        ServerUrl::parse(text).unwrap()
    }

    #[test]
    fn logins_are_kept_in_a_file_of_the_user_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/logins.json");
        assert_eq!(Logins::read_from(path.clone()).unwrap().iter().count(), 0);
        let prod = LoginName::parse("prod").unwrap();
        let (logins, ()) = Logins::update_at(path.clone(), |logins| {
            logins.insert(url("https://a.example"), Some(&prod), "geheim".to_owned());
            logins.insert(url("http://b.example"), None, "two".to_owned());
            Ok(())
        })
        .unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert!(!format!("{logins:?}").contains("geheim"));

        let update = Logins::update_at(path.clone(), |logins| {
            // A second login for a server replaces the key and keeps the name.
            logins.insert(url("https://A.example:443/"), None, "three".to_owned());
            let found = logins.find_name(&prod).unwrap();
            assert_eq!(found.expose_key(), "three");
            // If a second server gets the same name, the first server loses the name.
            logins.insert(url("http://b.example"), Some(&prod), "four".to_owned());
            assert_eq!(
                logins.find_name(&prod).unwrap().url(),
                &url("http://b.example")
            );
            assert_eq!(logins.find(&url("https://a.example")).unwrap().name(), None);
            assert!(logins.remove(&url("https://a.example")));
            assert!(!logins.remove(&url("https://a.example")));
            Ok(())
        });
        update.unwrap();
        assert_eq!(Logins::read_from(path).unwrap().iter().count(), 1);
    }

    #[test]
    fn changes_at_the_same_moment_are_all_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = &directory.path().join("logins.json");
        std::thread::scope(|threads| {
            for n in 0..8 {
                threads.spawn(move || {
                    let url = url(&format!("http://{n}.example"));
                    Logins::update_at(path.clone(), |logins| {
                        logins.insert(url, None, "key".to_owned());
                        Ok(())
                    })
                    .unwrap();
                });
            }
        });
        assert_eq!(Logins::read_from(path.clone()).unwrap().iter().count(), 8);
    }

    #[test]
    fn an_exposed_or_malformed_file_is_an_error_without_its_keys() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("logins.json");
        fs::write(&path, "{\"logins\":[{\"url\":\"x\",\"key\":\"geheim\"}]}").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let error = Logins::read_from(path.clone()).unwrap_err();
        assert!(!error.chain().contains("geheim"), "{}", error.chain());
        assert!(matches!(error, Error::LoginFile { line: 1, .. }));
        fs::write(&path, "{\"logins\":[]}").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        let error = Logins::read_from(path).unwrap_err();
        assert!(matches!(error, Error::ExposedKey(_)), "{error}");
    }
}
