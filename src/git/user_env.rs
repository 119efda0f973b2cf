//! The environment of git commands that contact other repositories: the user's environment, without the variables that select another
//! repository or hold secrets of this program. No program may prompt for input.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::child_env::{BUCKET_COPY, remove_bucket_variables, remove_server_variables};

/// Prefixes of the environment variables that git commands inherit from this process (git(1)). These variables configure ssh, HTTP and TLS,
/// and say which configuration files git reads. All other `GIT_` variables are removed, because they select another repository or enable
/// tracing.
const PASSED_ON: [&str; 12] = [
    "GIT_SSH",
    "GIT_SSL_",
    "GIT_HTTP_",
    "GIT_PROXY_",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_KEY_",
    "GIT_CONFIG_VALUE_",
    "GIT_CONFIG_PARAMETERS",
    "GIT_EXEC_PATH",
];

/// The allowed protocols. git checks them after its configuration has rewritten the URL. Other protocols, such as `ext`, run a program that
/// the URL names.
const ALLOWED_PROTOCOLS: &str = "https:http:ssh:git:file";

/// An ssh command that never prompts for input and ends if the server does not respond.
const SSH_COMMAND: &str =
    "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15 -oServerAliveCountMax=4";

/// OpenSSL's variables for trusted certificates (SSL_CTX_load_verify_locations(3)). Each entry has OpenSSL's variable, git's variable for
/// the same purpose, and the lower-case name of the setting in git's `http` section.
const CERTIFICATE_VARIABLES: [(&str, &str, &str); 2] = [
    ("SSL_CERT_FILE", "GIT_SSL_CAINFO", "sslcainfo"),
    ("SSL_CERT_DIR", "GIT_SSL_CAPATH", "sslcapath"),
];

/// Configuration for each command that contacts another repository. git aborts a transfer that makes no progress for a minute. Credential
/// helpers may not open windows. Features that the user may have enabled, but that a store does not use (reflogs, replace refs, signed
/// pushes, submodules, automatic gc), are disabled.
const SETTINGS: [&str; 8] = [
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=60",
    "credential.interactive=false",
    "core.logAllRefUpdates=false",
    "core.useReplaceRefs=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    "gc.auto=0",
];

/// Sets the environment of a command that runs on the repository `git_dir`, or on no repository.
pub(super) fn apply(command: &mut Command, git_dir: Option<&Path>) {
    select_repository(command, git_dir);
    remove_server_variables(command);
    // The variables for a bucket are passed on by default, because a push to a mirror may need them, for example for a credential helper.
    // But if the store itself is in a bucket, they hold the credentials of that bucket, and no other host may get them.
    if git_dir.is_some_and(|git_dir| git_dir.join(BUCKET_COPY).exists()) {
        remove_bucket_variables(command);
    }
    command
        .env("GIT_ALLOW_PROTOCOL", ALLOWED_PROTOCOLS)
        .env("GIT_TERMINAL_PROMPT", "0")
        // If the value is empty, git also ignores its fallbacks `core.askPass` and `SSH_ASKPASS`.
        .env("GIT_ASKPASS", "")
        .env("SSH_ASKPASS_REQUIRE", "never")
        .env("GCM_INTERACTIVE", "never")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("LC_ALL", "C");
    pass_on_certificates(command, git_dir);
    if !has_custom_ssh(git_dir) {
        command.env("GIT_SSH_COMMAND", SSH_COMMAND);
    }
}

/// Returns [`SETTINGS`] as command-line options.
pub(super) fn config_options() -> impl Iterator<Item = &'static OsStr> {
    SETTINGS
        .iter()
        .flat_map(|setting| ["-c", setting])
        .map(OsStr::new)
}

/// Sets `GIT_DIR`, if there is a repository, and removes the `GIT_` variables that are not [`PASSED_ON`].
fn select_repository(command: &mut Command, git_dir: Option<&Path>) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_passed_on = PASSED_ON.iter().any(|prefix| text.starts_with(prefix));
        if text.starts_with("GIT_") && !is_passed_on {
            command.env_remove(&name);
        }
    }
    command.envs(git_dir.map(|directory| ("GIT_DIR", directory)));
}

/// Makes git trust the certificates that OpenSSL's variables name. wasmstore's own HTTP client and most other TLS clients read these
/// variables, but git does not. git's own variables and settings take precedence.
fn pass_on_certificates(command: &mut Command, git_dir: Option<&Path>) {
    for (name, git_name, key) in CERTIFICATE_VARIABLES {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        let Some(value) = value.filter(|_| std::env::var_os(git_name).is_none()) else {
            continue;
        };
        // The pattern also matches a setting for one URL only: `http.<url>.sslCAInfo`.
        let pattern = format!(r"^http\.(.*\.)?{key}$");
        if !config_succeeds(git_dir, &["--get-regexp", &pattern]) {
            command.env(git_name, value);
        }
    }
}

/// Returns whether the user has configured an ssh command. If so, git runs that command unchanged.
fn has_custom_ssh(git_dir: Option<&Path>) -> bool {
    let is_set = |name: &&str| std::env::var_os(name).is_some();
    if ["GIT_SSH", "GIT_SSH_COMMAND"].iter().any(is_set) {
        return true;
    }
    config_succeeds(git_dir, &["--get", "core.sshCommand"])
}

/// Returns whether `git config` with the arguments `args` finds a setting.
fn config_succeeds(git_dir: Option<&Path>, args: &[&str]) -> bool {
    let mut command = config_command(git_dir, args);
    let status = command.current_dir("/").stdout(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Returns the command `git config` with the arguments `args`. The command reads the user's configuration. The server's and the bucket's
/// variables, which may hold credentials, are removed from its environment, because it does not need them.
pub(super) fn config_command(git_dir: Option<&Path>, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    select_repository(&mut command, git_dir);
    remove_server_variables(&mut command);
    remove_bucket_variables(&mut command);
    command
        .arg("config")
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}
