//! Secret configuration of one git command, passed in its environment: every user of the machine can read the arguments of a
//! process, but only its own user can read its environment (proc(5)).
//!
//! The environment is read by git 2.31 and newer (git-config(1), `GIT_CONFIG_COUNT`).

use std::borrow::Cow;
use std::process::Command;

use crate::names::{RemoteUrl, UrlCredentials};

/// The variables of [`CREDENTIAL_HELPER`].
const USER_VARIABLE: &str = "WASMSTORE_REMOTE_USER";
const PASSWORD_VARIABLE: &str = "WASMSTORE_REMOTE_PASSWORD";

/// A credential helper that returns the user name and the password in its environment (gitcredentials(7), "CUSTOM HELPERS").
/// printf is a command of the shell itself, so no process has the password among its arguments.
const CREDENTIAL_HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \
    \"$WASMSTORE_REMOTE_USER\" \"$WASMSTORE_REMOTE_PASSWORD\"; }; f";

/// Settings and variables for the environment of one git command.
#[derive(Clone, Default)]
pub(super) struct SecretConfig {
    settings: Vec<(String, String)>,
    variables: Vec<(&'static str, String)>,
}

impl SecretConfig {
    /// Returns the configuration with which git sends the credentials of `url` to its host, when it connects to
    /// [`without_credentials`](RemoteUrl::without_credentials). It also connects to that URL for a remote that is configured with
    /// `url`: git would pass the configured URL to its helpers as an argument.
    pub fn of_url(url: &RemoteUrl) -> Self {
        let mut config = Self::default();
        let plain = url.without_credentials();
        if matches!(plain, Cow::Owned(_)) {
            config.set(format!("url.{plain}.insteadOf"), url.secret());
        }
        if let Some(credentials) = url.credentials() {
            config.set_credentials(&plain, credentials);
        }
        config
    }

    /// Adds a request header, `Name: value`, for `url` only. curl would repeat it to the target of a redirect, so redirects are not
    /// followed.
    pub fn with_header(mut self, url: &RemoteUrl, header: &str) -> Self {
        let plain = url.without_credentials();
        self.set("http.followRedirects".to_owned(), "false");
        self.set(format!("http.{plain}.extraHeader"), header);
        self
    }

    fn set_credentials(&mut self, plain_url: &str, credentials: UrlCredentials) {
        // The path is left out: by default, git asks for the credentials of a host.
        let host_end = plain_url.match_indices(['/', '?', '#']).nth(2);
        let host = host_end.map_or(plain_url, |(end, _)| &plain_url[..end]);
        let Some(password) = credentials.password else {
            self.set(format!("credential.{host}.username"), &credentials.user);
            return;
        };
        // The empty value removes the user's helpers, which may have another password and may store this one.
        self.set(format!("credential.{host}.helper"), "");
        self.set(format!("credential.{host}.helper"), CREDENTIAL_HELPER);
        self.variables.push((USER_VARIABLE, credentials.user));
        self.variables.push((PASSWORD_VARIABLE, password));
    }

    fn set(&mut self, key: String, value: &str) {
        self.settings.push((key, value.to_owned()));
    }

    /// Adds the settings to those that the user passes in the environment, which the command inherits.
    pub fn apply(&self, command: &mut Command) {
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if self.settings.is_empty() {
            return;
        }
        let inherited = std::env::var("GIT_CONFIG_COUNT").ok();
        let first = inherited.and_then(|count| count.parse::<usize>().ok());
        let first = first.unwrap_or(0);
        for (nth, (key, value)) in self.settings.iter().enumerate() {
            let nth = first + nth;
            command.env(format!("GIT_CONFIG_KEY_{nth}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{nth}"), value);
        }
        let count = first + self.settings.len();
        command.env("GIT_CONFIG_COUNT", count.to_string());
    }
}
