//! Hints for URLs at which there is no wasmstore server or no git repository, but which resemble a valid URL.

use crate::names::{RemoteUrl, ServerUrl};

/// Returns the hint if a URL that must be the base URL of a server is the URL of a page of the web UI or of a resource of the API.
pub(super) fn without_page(url: &ServerUrl) -> Option<String> {
    let base = url.without_page()?;
    Some(format!("did you mean {base}?"))
}

/// Returns the hint for a URL at which git has found no repository. If the URL may belong to a wasmstore server, the hint names the URL of
/// the server's repository.
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
