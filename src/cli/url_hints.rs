//! Hints for URLs at which there is no wasmstore server or no git repository, or that refuse a request.

use std::io;

use super::exit::Error;
use super::logins::Logins;
use super::server_key::KeySource;
use crate::names::{LoginName, RemoteUrl, ServerUrl};

/// The name of the error of rustls about a server's certificate that is marked as the certificate of an authority.
const AUTHORITY: &str = "CaUsedAsEndEntity";

/// Returns the hint if a URL that must be the base URL of a server is the URL of a page of the web UI or of a resource of the API.
pub(super) fn without_page(url: &ServerUrl) -> Option<String> {
    let base = url.without_page()?;
    Some(format!("did you mean {base}?"))
}

/// Returns the hint for a URL at which git has found no repository, or which needs authentication. If the URL may belong to a wasmstore
/// server, the hint names the URL of the server's repository: a server that requires keys does so at every URL.
pub(super) fn for_repository(
    url: &RemoteUrl,
    reason: &str,
    needs_authentication: bool,
) -> Option<String> {
    let is_missing = ["not found", "not valid"];
    if !needs_authentication && !is_missing.iter().any(|words| reason.contains(words)) {
        return None;
    }
    let git = ServerUrl::guess_git(url)?;
    Some(format!(
        "if this is a wasmstore server, its repository is {git}"
    ))
}

/// Returns the hint for a URL below which a wasmstore server has no endpoint.
pub(super) fn without_path(url: &ServerUrl) -> Option<String> {
    let server = url.without_page().or_else(|| url.without_path())?;
    Some(format!("did you mean {server}?"))
}

/// Returns the hint for a server that cannot be reached.
pub(super) fn for_unreachable(reason: &str) -> Option<&'static str> {
    if reason.contains(AUTHORITY) {
        return Some(
            "the server has a certificate of an authority: give it one with `basicConstraints=CA:FALSE`",
        );
    }
    if reason.contains("invalid peer certificate") {
        return Some(
            "SSL_CERT_FILE names a file of trusted certificates, such as that of the server",
        );
    }
    let is_refused = reason.contains("Connection refused") && !reason.contains("through the proxy");
    is_refused.then_some(
        "is the server running, and is this its port? The default port of a server is 6384",
    )
}

/// Returns the hint for a request that the key does not allow.
pub(super) fn for_forbidden(detail: &str) -> Option<&'static str> {
    if detail.contains("the key does not allow this author") {
        return Some("without --author and WASMSTORE_AUTHOR, the commit has the author of the key");
    }
    (detail.contains("keep_history=true")).then_some(
        "--keep-history deletes only unreachable objects, for which the key is sufficient",
    )
}

/// Returns the hint for a key that cannot be used.
fn for_key_source(source: &KeySource) -> Option<&'static str> {
    matches!(source, KeySource::Flag(_) | KeySource::FileVariable(_)).then_some(
        "the file has the key alone in its only line; a file with lines of KEY:METHODS is for `server --auth-file`",
    )
}

/// Returns the hint for a directory in place of a server, if a login has this name.
fn for_login_name(text: &str) -> Option<String> {
    let name = LoginName::parse(text).ok()?;
    Logins::read().ok()?.find_name(&name).ok()?;
    Some(format!("did you mean {name}?"))
}

/// Returns the hint for an address on which the server cannot listen.
fn for_address(error: &io::Error) -> Option<&'static str> {
    (error.kind() == io::ErrorKind::AddrInUse).then_some(
        "another server uses the port: stop it, or choose another one with --port (0 is any free port)",
    )
}

/// Returns the hint for an error of the configuration of a server or of its key.
pub(super) fn for_network(error: &Error) -> Option<String> {
    let hint = match error {
        Error::ServerKey(source, _) => for_key_source(source),
        Error::Bind { source, .. } => for_address(source),
        Error::DirectoryAsServer(text) => return for_login_name(text),
        _ => None,
    };
    hint.map(str::to_owned)
}
