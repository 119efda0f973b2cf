//! What the pages of the web UI need to know about the server and a request.

use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri};

use crate::http::base_path::BasePath;
use crate::http::listener::Peer;
use crate::web::Site;

/// The host name in the URL of the server if the client sends no host, or a malformed one.
const UNKNOWN_HOST: &str = "localhost";

/// Returns the site for links of a response that is not a page: only the base path matters to them.
pub(super) fn site_of_links(base_path: &BasePath) -> Site {
    Site {
        base: base_path.join(""),
        ..Site::default()
    }
}

/// Returns the site without the rights of the client. The URL of the server is the one that the client used.
pub(super) fn site_of(
    base_path: &BasePath,
    headers: &HeaderMap,
    uri: &Uri,
    peer: Option<&Peer>,
) -> Site {
    // A proxy that handles TLS sends this header. A client that sends a wrong value gets wrong URLs, but harms nobody else.
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
