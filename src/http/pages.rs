//! The paths of the web UI, as far as the layers around the routes need them.

use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, Method};

/// The media type of a page.
pub(super) const MEDIA_TYPE: &str = "text/html; charset=utf-8";
/// The directory of all pages.
const PAGES: &str = "/ui/";
/// The page with the form for signing in.
pub(super) const LOGIN: &str = "/ui/login";
/// The page with the form for signing out.
pub(super) const LOGOUT: &str = "/ui/logout";
/// Asks for HTTP Basic. It is directly below the root, so that browsers send the credentials on every other page too (RFC 7617, section 2.2).
pub(super) const LOGIN_BASIC: &str = "/login-basic";
/// The form for uploading.
pub(super) const UPLOAD: &str = "/ui/upload";
/// The form that makes a branch the default branch.
pub(super) const DEFAULT_BRANCH: &str = "/ui/branch/default";
/// The directory of the style sheet and the script, which the page for signing in needs too.
const ASSETS: &str = "/ui/assets/";
/// The forms that need a key that allows DELETE.
const DELETING: [&str; 2] = ["/ui/remove", "/ui/branch/delete"];

/// Returns whether a path is one of the web UI. The path must be normalized and complete.
pub(super) fn is_page(path: &str) -> bool {
    ["/", "/ui", LOGIN_BASIC].contains(&path) || path.starts_with(PAGES)
}

/// Returns whether a page needs no key.
pub(super) fn is_open_page(path: &str) -> bool {
    [LOGIN, LOGOUT].contains(&path) || path.starts_with(ASSETS)
}

/// Returns whether a request is the first step of an upload, which keeps files and changes nothing.
pub(super) fn keeps_uploads(method: &Method, path: &str) -> bool {
    *method == Method::POST && path == UPLOAD
}

/// Returns whether the client asks for a page, as browsers do.
pub(super) fn accepts_html(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter();
    accepted.any(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.contains("text/html"))
    })
}

/// Returns the method that a key must allow for a request to a page: forms can only be sent with POST, whatever they do.
pub(super) fn required_method<'m>(method: &'m Method, path: &str) -> &'m Method {
    match (method, path) {
        (&Method::POST, LOGIN | LOGOUT) => &Method::GET,
        (&Method::POST, DEFAULT_BRANCH) => &Method::PUT,
        (&Method::POST, path) if DELETING.contains(&path) => &Method::DELETE,
        _ => method,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_apart_from_the_endpoints_of_programs() {
        for (path, expected) in [
            ("/", true),
            ("/ui", true),
            ("/ui/login", true),
            ("/login-basic", true),
            ("/uis", false),
            ("/api/v1/modules", false),
            ("/v2/ui/tags/list", false),
            ("/wasmstore.git/info/refs", false),
            ("/metrics", false),
        ] {
            assert_eq!(is_page(path), expected, "{path}");
        }
    }

    #[test]
    fn a_form_needs_the_method_of_what_it_does() {
        for (method, path, expected) in [
            (Method::POST, "/ui/remove", Method::DELETE),
            (Method::GET, "/ui/remove", Method::GET),
            (Method::POST, "/ui/branch/delete", Method::DELETE),
            (Method::POST, "/ui/upload", Method::POST),
            (Method::POST, "/ui/branch/default", Method::PUT),
            (Method::GET, "/ui/branch/default", Method::GET),
            (Method::POST, "/ui/logout", Method::GET),
        ] {
            assert_eq!(*required_method(&method, path), expected, "{method} {path}");
        }
    }
}
