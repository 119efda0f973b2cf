//! The variables in the environment of this process that no git command inherits.

use std::ffi::OsString;
use std::process::Command;

/// The prefix of this program's own variables. They configure the server and may contain keys.
const OWN_VARIABLES: &str = "WASMSTORE_";

/// The variables that a service manager sets for the server itself (sd_notify(3), sd_listen_fds(3)).
const SERVICE_MANAGER_VARIABLES: [&str; 6] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
];

/// Removes the variables that are meant for this process only: this program's own variables and the variables of the service manager. If a
/// command needs some of this program's variables, the caller sets them after this call.
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

/// The file in a repository that exists if it is a copy of a store in a bucket.
pub(super) const BUCKET_COPY: &str = "wasmstore/generation";

/// The prefixes of the variables with the credentials for a bucket.
const BUCKET_VARIABLES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// Returns the variables that configure the access to a bucket.
pub(super) fn bucket_variables() -> impl Iterator<Item = (OsString, OsString)> {
    let is_for_buckets = |name: &OsString| {
        let name = name.to_string_lossy();
        BUCKET_VARIABLES
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    std::env::vars_os().filter(move |(name, _)| is_for_buckets(name))
}

/// Removes the variables that configure the access to a bucket. Of the git commands, only `receive-pack` needs them, for the hooks.
pub(super) fn remove_bucket_variables(command: &mut Command) {
    for (name, _) in bucket_variables() {
        command.env_remove(name);
    }
}
