//! The environment of a git that speaks to other repositories: the user's, but for what could ask, and wait for an answer.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::program::without_manager;

/// Variables of git that are the user's to set (git(1)): how others are reached, and which configuration counts. All others
/// begin with `GIT_` too, and say which repository is meant, or trace.
const KEPT: [&str; 12] = [
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

/// How others may be reached, after all that the configuration rewrites: nothing that runs a program of the URL's choice.
const PROTOCOLS: &str = "https:http:ssh:git:file";

/// ssh that asks nothing and does not wait for the dead.
const SSH: &str =
    "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15 -oServerAliveCountMax=4";

/// What is set for each run. Transfers that stand still for a minute are given up; helpers that open windows are told not to;
/// hooks of the user, signatures and logs of refs are none of ours.
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

/// Gives a command the user's environment, in which nothing prompts, and names the repository that it is run on, if any.
pub(super) fn prepare(command: &mut Command, git_dir: Option<&Path>) {
    name_repository(command, git_dir);
    without_manager(command);
    command
        .env("GIT_ALLOW_PROTOCOL", PROTOCOLS)
        .env("GIT_TERMINAL_PROMPT", "0")
        // An empty one is none, and none of those is asked for that come behind it.
        .env("GIT_ASKPASS", "")
        .env("SSH_ASKPASS_REQUIRE", "never")
        .env("GCM_INTERACTIVE", "never")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("LC_ALL", "C");
    if !has_own_ssh(git_dir) {
        command.env("GIT_SSH_COMMAND", SSH);
    }
}

/// The settings as options of git.
pub(super) fn settings() -> impl Iterator<Item = &'static OsStr> {
    SETTINGS
        .iter()
        .flat_map(|setting| ["-c", setting])
        .map(OsStr::new)
}

/// Takes away what names another repository.
fn name_repository(command: &mut Command, git_dir: Option<&Path>) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_kept = KEPT.iter().any(|kept| text.starts_with(kept));
        if text.starts_with("GIT_") && !is_kept {
            command.env_remove(&name);
        }
    }
    command.envs(git_dir.map(|folder| ("GIT_DIR", folder)));
}

/// Whether the user has said which ssh to use, and how: that one is used as it is.
fn has_own_ssh(git_dir: Option<&Path>) -> bool {
    let is_set = |name: &&str| std::env::var_os(name).is_some();
    if ["GIT_SSH", "GIT_SSH_COMMAND"].iter().any(is_set) {
        return true;
    }
    let mut command = Command::new("git");
    name_repository(&mut command, git_dir);
    let asked = command
        .args(["config", "--get", "core.sshCommand"])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}
