//! Creates the client for a server, with the API key and the proxy settings.

use super::environment::variable;
use super::exit::{Error, Result};
use super::root_setting::RootSetting;
use super::server_key::ServerKey;
use super::settings::Settings;
use super::store_location::StoreLocation;
use crate::config::ClientLimits;
use crate::names::{RemoteUrl, ServerUrl};
use crate::remote::{Client, ProxySettings};

const KEY_FOR_CLONE: &str = "--key-file works only with the repository of a wasmstore server: its URL ends in /wasmstore.git and has no password";

impl Settings {
    /// Returns the API key to send to the server at `url`; `None` if there is none.
    ///
    /// # Errors
    /// As for [`ServerKey::find`].
    pub fn key_for(&self, url: &ServerUrl) -> Result<Option<ServerKey>> {
        ServerKey::find(self.key_file(), url)
    }

    /// Returns the API key in the file that `--key-file` names; `None` if the flag is not given.
    pub fn key_of_flag(&self) -> Result<Option<ServerKey>> {
        match self.key_file() {
            Some(file) => ServerKey::given(Some(file)),
            None => Ok(None),
        }
    }

    /// Returns the API key for cloning the repository at `url`, if this is the repository of a wasmstore server. If `WASMSTORE_ROOT`
    /// selects another server, a key in an environment variable is not used, because it may be a key of that other server.
    ///
    /// # Errors
    /// `--key-file` is given, but the repository is not that of a server; the errors of [`ServerKey::find`].
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

    /// Creates a client that sends requests with `key` to the server at `url`.
    ///
    /// # Errors
    /// The environment names a proxy that cannot be used.
    pub fn client(&self, url: ServerUrl, key: Option<&ServerKey>) -> Result<Client> {
        let proxies = ProxySettings::read(|name| variable(name)?.into_string().ok());
        let key = key.map(ServerKey::expose);
        Ok(Client::new(url, key, &proxies, ClientLimits::default())?)
    }
}
