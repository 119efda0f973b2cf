//! The environment variables of this process that are removed from the environment of git commands.

use std::ffi::OsString;
use std::process::Command;

/// The prefix of this program's own environment variables. They configure the server and may contain API keys.
const OWN_VARIABLES: &str = "WASMSTORE_";

/// The environment variables that a service manager such as systemd sets for the server process only (sd_notify(3), sd_listen_fds(3)).
const SERVICE_MANAGER_VARIABLES: [&str; 6] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
];

/// Removes the variables that are meant for this process only: [`OWN_VARIABLES`] and [`SERVICE_MANAGER_VARIABLES`]. If a command needs one
/// of this program's variables, the caller sets it after this call.
pub(super) fn remove_server_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(OWN_VARIABLES) {
            command.env_remove(name);
        }
    }
    for name in SERVICE_MANAGER_VARIABLES {
        command.env_remove(name);
    }
}

/// The path, relative to the repository, of a file that exists only if the repository is a local copy of a store in a bucket.
pub(super) const BUCKET_COPY: &str = "wasmstore/generation";

/// The prefixes of the environment variables that configure the access to a bucket, such as its credentials.
const BUCKET_VARIABLES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// Returns the names and values of the environment variables that configure the access to a bucket.
pub(super) fn bucket_variables() -> impl Iterator<Item = (OsString, OsString)> {
    let is_for_buckets = |name: &OsString| {
        let name = name.to_string_lossy();
        BUCKET_VARIABLES
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    std::env::vars_os().filter(move |(name, _)| is_for_buckets(name))
}

/// Removes the variables that configure the access to a bucket. Of all git commands, only `receive-pack` needs them: the hooks that it runs
/// write to the bucket.
pub(super) fn remove_bucket_variables(command: &mut Command) {
    for (name, _) in bucket_variables() {
        command.env_remove(name);
    }
}
