//! Hints for URLs that are not those of a server or a repository.

use crate::names::{RemoteUrl, ServerUrl};

/// Returns the hint if the URL of a server is that of a page of its web UI.
pub(super) fn without_page(url: &ServerUrl) -> Option<String> {
    let base = url.without_page()?;
    Some(format!("did you mean {base}?"))
}

/// Returns the hint for a URL at which git has found no repository: the URL of the repository of a wasmstore server.
pub(super) fn for_repository(url: &RemoteUrl, reason: &str) -> Option<String> {
    let is_missing = ["not found", "not valid"];
    if !is_missing.iter().any(|words| reason.contains(words)) {
        return None;
    }
    let git = ServerUrl::guess_git(url)?;
    Some(format!(
        "if this is a wasmstore server, its repository is {git}"
    ))
}
