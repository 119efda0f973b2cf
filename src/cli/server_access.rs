//! Access to a server: the client, with its key and proxy.

use super::environment::variable;
use super::exit::{Error, Result};
use super::root_setting::RootSetting;
use super::server_key::ServerKey;
use super::settings::Settings;
use super::store_location::StoreLocation;
use crate::config::ClientLimits;
use crate::names::{RemoteUrl, ServerUrl};
use crate::remote::{Client, ProxySettings};

const KEY_FOR_CLONE: &str = "--key-file is for the repository of a server, whose URL ends in /wasmstore.git and has no password";

impl Settings {
    /// Returns the key for a server.
    ///
    /// # Errors
    /// As for [`ServerKey::find`].
    pub fn key_for(&self, url: &ServerUrl) -> Result<Option<ServerKey>> {
        ServerKey::find(self.key_file(), url)
    }

    /// Returns the key in the file of `--key-file`.
    pub fn key_of_flag(&self) -> Result<Option<ServerKey>> {
        match self.key_file() {
            Some(file) => ServerKey::given(Some(file)),
            None => Ok(None),
        }
    }

    /// Returns the key for a clone of a repository: that for the server whose repository it is. The key in a variable is not sent to another
    /// server than the one of `WASMSTORE_ROOT`.
    ///
    /// # Errors
    /// `--key-file` is given for another kind of repository; as for [`ServerKey::find`].
    pub fn key_for_clone(&self, url: &RemoteUrl) -> Result<Option<ServerKey>> {
        let flag = self.key_file();
        let Some(server) = ServerUrl::of_git(url) else {
            return match flag {
                Some(_) => Err(Error::Usage(KEY_FOR_CLONE)),
                None => Ok(None),
            };
        };
        let configured = match variable("WASMSTORE_ROOT") {
            Some(root) => RootSetting::parse(root.into())?.locate()?,
            None => return ServerKey::find(flag, &server),
        };
        match configured {
            StoreLocation::Server(other) if flag.is_none() && !other.is_same_server(&server) => {
                ServerKey::of_login(&server)
            }
            _ => ServerKey::find(flag, &server),
        }
    }

    /// Returns a client of a server.
    ///
    /// # Errors
    /// The environment names a proxy that cannot be used.
    pub fn client(&self, url: ServerUrl, key: Option<&ServerKey>) -> Result<Client> {
        let proxies = ProxySettings::read(|name| variable(name)?.into_string().ok());
        let key = key.map(ServerKey::expose);
        Ok(Client::new(url, key, &proxies, ClientLimits::default())?)
    }
}
