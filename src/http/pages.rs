//! The URL paths of the web UI that the layers around the routes use.

use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, Method};

/// The media type of the pages.
pub(super) const MEDIA_TYPE: &str = "text/html; charset=utf-8";
/// The prefix of the paths of all pages.
const PAGES: &str = "/ui/";
/// The path of the page with the form for signing in.
pub(super) const LOGIN: &str = "/ui/login";
/// The path of the page with the form for signing out.
pub(super) const LOGOUT: &str = "/ui/logout";
/// The path that asks the browser for HTTP Basic credentials. It is directly below the root, so that browsers send the credentials on every
/// other page too (RFC 7617, section 2.2).
pub(super) const LOGIN_BASIC: &str = "/login-basic";
/// The path of the form for uploads.
pub(super) const UPLOAD: &str = "/ui/upload";
/// The path of the form that makes a branch the default branch.
pub(super) const DEFAULT_BRANCH: &str = "/ui/branch/default";
/// The prefix of the paths of the style sheet and the script, which the page for signing in needs too.
const ASSETS: &str = "/ui/assets/";
/// The paths of the forms for which the API key must allow DELETE.
const DELETING: [&str; 2] = ["/ui/remove", "/ui/branch/delete"];

/// Returns whether a path is one of the web UI. The path must be normalized and without the base path.
pub(super) fn is_page(path: &str) -> bool {
    ["/", "/ui", LOGIN_BASIC].contains(&path) || path.starts_with(PAGES)
}

/// Returns whether a page can be requested without an API key.
pub(super) fn is_open_page(path: &str) -> bool {
    [LOGIN, LOGOUT].contains(&path) || path.starts_with(ASSETS)
}

/// Returns whether a request is the first step of an upload in the web UI, which stores the uploaded files but makes no commit.
pub(super) fn keeps_uploads(method: &Method, path: &str) -> bool {
    *method == Method::POST && path == UPLOAD
}

/// Returns whether the `Accept` header allows HTML, as it does in the requests of browsers.
pub(super) fn accepts_html(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter();
    accepted.any(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.contains("text/html"))
    })
}

/// Returns the HTTP method that the API key must allow for a request to a page. This may differ from the method of the request, because
/// browsers send every form with POST, even a form that deletes.
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
