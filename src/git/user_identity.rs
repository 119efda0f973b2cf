//! The identity of the user: the name and mail address that git records for the user's own commits (git-commit(1), "Commit information").

use std::process::{Command, Stdio};

use super::user_env::select_repository;

/// Returns git's identity of the user, as `Name <mail>`: `GIT_AUTHOR_NAME` and `GIT_AUTHOR_EMAIL`, or else `user.name` and `user.email` in git's
/// configuration. Returns `None` if git knows no name or is not installed. git's own fallback, the name of the account, is not used.
pub fn user_identity() -> Option<String> {
    let value = |variable: &str, key: &str| {
        let value = std::env::var(variable).ok();
        let value = value.filter(|value| !value.trim().is_empty());
        value.or_else(|| configured(key))
    };
    let name = value("GIT_AUTHOR_NAME", "user.name")?;
    let mail = value("GIT_AUTHOR_EMAIL", "user.email").unwrap_or_default();
    Some(format!("{name} <{mail}>"))
}

/// Returns a setting of git's configuration, that of the repository around the working directory included.
fn configured(key: &str) -> Option<String> {
    let mut command = Command::new("git");
    select_repository(&mut command, None);
    let output = command
        .args(["config", "--get", key])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let value = String::from_utf8(output.stdout).ok()?;
    let value = value.trim();
    (output.status.success() && !value.is_empty()).then(|| value.to_owned())
}
