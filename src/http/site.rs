//! Creates the [`Site`] of a page: the facts about the server and the request that all pages of the web UI need.

use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri};

use crate::http::base_path::BasePath;
use crate::http::listener::Peer;
use crate::web::Site;

/// The host name in the server's own URL if the client sends no host name, or a malformed one.
const UNKNOWN_HOST: &str = "localhost";

/// Returns a site with the base path only, for responses that have links but are not pages.
pub(super) fn site_of_links(base_path: &BasePath) -> Site {
    Site {
        base: base_path.join(""),
        ..Site::default()
    }
}

/// Returns the site for a page, without the rights of the client. The server's own URL has the scheme and host that the client used.
pub(super) fn site_of(
    base_path: &BasePath,
    headers: &HeaderMap,
    uri: &Uri,
    peer: Option<&Peer>,
) -> Site {
    // A proxy that handles TLS sends the header `X-Forwarded-Proto`. The header is not checked: a client that sends a wrong value only gets
    // wrong URLs itself.
    let forwarded = headers.get("x-forwarded-proto");
    let is_tls = peer.is_some_and(|peer| peer.is_tls)
        || forwarded.is_some_and(|scheme| scheme.as_bytes() == b"https");
    let scheme = if is_tls { "https" } else { "http" };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let host = host.filter(|host| !host.is_empty() && host.bytes().all(is_plain));
    let mut site = site_of_links(base_path);
    site.url = format!("{scheme}://{}{}", host.unwrap_or(UNKNOWN_HOST), site.base);
    site
}
