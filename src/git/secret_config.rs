//! Settings with secrets for one git command. They are passed in the environment of the command and not as arguments: every user of the
//! machine can read the arguments of a process, but only the user that runs the process can read its environment (proc(5)).
//!
//! git reads settings from its environment since version 2.31 (git-config(1), `GIT_CONFIG_COUNT`).

use std::borrow::Cow;
use std::process::Command;

use crate::names::{RemoteUrl, UrlCredentials};

/// The environment variables from which [`CREDENTIAL_HELPER`] reads the user name and the password.
const USER_VARIABLE: &str = "WASMSTORE_REMOTE_USER";
const PASSWORD_VARIABLE: &str = "WASMSTORE_REMOTE_PASSWORD";

/// A credential helper that prints the user name and the password from its environment (gitcredentials(7), "CUSTOM HELPERS"). printf is a
/// builtin of the shell, so no process has the password in its arguments.
const CREDENTIAL_HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \
    \"$WASMSTORE_REMOTE_USER\" \"$WASMSTORE_REMOTE_PASSWORD\"; }; f";

/// Git settings and environment variables for one git command. The settings, too, are passed in the environment.
#[derive(Clone, Default)]
pub(super) struct SecretConfig {
    settings: Vec<(String, String)>,
    variables: Vec<(&'static str, String)>,
}

impl SecretConfig {
    /// Returns the configuration with which git sends the credentials of `url` to its host. The caller must pass the URL
    /// [`without_credentials`](RemoteUrl::without_credentials) to git.
    ///
    /// If a remote of the repository is configured with `url`, the configuration makes git use the URL without credentials instead.
    /// Otherwise git would pass the password to its helper processes as a part of an argument.
    pub fn of_url(url: &RemoteUrl) -> Self {
        let mut config = Self::default();
        let plain = url.without_credentials();
        if matches!(plain, Cow::Owned(_)) {
            config.set(format!("url.{plain}.insteadOf"), url.secret());
            // git applies the `insteadOf` rule with the longest match. This rule maps the URL without credentials to itself. Otherwise, an
            // `insteadOf` rule that the user has configured for the host could change the URL.
            config.set(format!("url.{plain}.insteadOf"), &plain);
        }
        if let Some(credentials) = url.credentials() {
            config.set_credentials(&plain, credentials);
        }
        config
    }

    /// Adds a request header, `Name: value`, that git sends to `url` only. Disables redirects, because curl would also send the header to
    /// the target of a redirect.
    pub fn with_header(mut self, url: &RemoteUrl, header: &str) -> Self {
        let plain = url.without_credentials();
        self.set("http.followRedirects".to_owned(), "false");
        self.set(format!("http.{plain}.extraHeader"), header);
        self
    }

    fn set_credentials(&mut self, plain_url: &str, credentials: UrlCredentials) {
        // The key has the scheme and the host, but not the path: by default, git looks up credentials by host.
        let host_end = plain_url.match_indices(['/', '?', '#']).nth(2);
        let host = host_end.map_or(plain_url, |(end, _)| &plain_url[..end]);
        let Some(password) = credentials.password else {
            self.set(format!("credential.{host}.username"), &credentials.user);
            return;
        };
        // The empty value disables the credential helpers of the user. They may return another password, and they may store this one.
        self.set(format!("credential.{host}.helper"), "");
        self.set(format!("credential.{host}.helper"), CREDENTIAL_HELPER);
        self.variables.push((USER_VARIABLE, credentials.user));
        self.variables.push((PASSWORD_VARIABLE, password));
    }

    fn set(&mut self, key: String, value: &str) {
        self.settings.push((key, value.to_owned()));
    }

    /// Adds the settings and the variables to the environment of the command. The command also inherits the environment of this process. If
    /// that environment already has settings for git, they stay in effect, and the new settings are numbered after them.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_the_user_for_the_host_does_not_change_the_url() {
        let url = RemoteUrl::parse("https://bot:secret@host.example/a/m.git").unwrap();
        let mut git = Command::new("git");
        git.env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .args([
                "-c",
                "url.git@host.example:.insteadOf=https://host.example/",
            ])
            .args(["ls-remote", "--get-url"]);
        SecretConfig::of_url(&url).apply(&mut git);
        for asked in [&*url.without_credentials(), url.secret()] {
            let mut git_process = Command::new("git");
            git_process.args(git.get_args()).arg(asked);
            for (name, value) in git.get_envs() {
                git_process.env(name, value.unwrap());
            }
            let output = git_process.output().unwrap();
            let used = String::from_utf8(output.stdout).unwrap();
            assert_eq!(used.trim(), "https://host.example/a/m.git");
        }
    }
}
