//! The response to a request for a page that has no API key, or whose session has ended.

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::base_path::BasePath;
use crate::http::error::Failure;
use crate::http::pages::{self, accepts_html};
use crate::web::sign_in::open_again;
use crate::wire::encode_query_value;

/// The value of `WWW-Authenticate` in a 401 response for which browsers must not ask the user for a password. Browsers ignore the scheme
/// `Bearer` (RFC 6750).
pub(in crate::http) const BEARER: &str = r#"Bearer realm="wasmstore""#;

/// Returns the response to a request for a page without a valid API key. A browser that receives an HTTP Basic challenge asks the user for
/// a password in a dialog of its own. So the challenge is sent to a browser only if the request has an `Authorization` header, or if the
/// user has followed the link to [`pages::LOGIN_BASIC`]. Other browsers are redirected to the form for signing in.
pub(super) fn unauthorized_page_response(
    failure: Failure,
    request: &Request,
    base_path: &BasePath,
) -> Response {
    let path = request.uri().path();
    let uses_basic = request.headers().contains_key(AUTHORIZATION) || path == pages::LOGIN_BASIC;
    let has_ended = failure == super::authorize::session_ended();
    let mut response = failure.into_response();
    if response.status() != StatusCode::UNAUTHORIZED
        || uses_basic
        || !accepts_html(request.headers())
    {
        return response;
    }
    if is_from_elsewhere(request) {
        let page = request.uri().path_and_query();
        let page = base_path.join(page.map_or("/", PathAndQuery::as_str));
        return (
            response.status(),
            [(CONTENT_TYPE, pages::MEDIA_TYPE)],
            open_again(&page),
        )
            .into_response();
    }
    // Only GET is redirected. A form gets an error page instead, which says that nothing was changed.
    if *request.method() == Method::GET {
        let location = login_url(request, base_path, has_ended);
        return (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response();
    }
    let challenge = HeaderValue::from_static(BEARER);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// Returns whether the user has followed a link on a page of another site. In this case, the browser has not sent the session cookie,
/// because the cookie is `SameSite=Strict`. The browser sends the cookie when a page of this server loads the requested page again.
fn is_from_elsewhere(request: &Request) -> bool {
    let mut sites = request.headers().get_all("sec-fetch-site").iter();
    let is_elsewhere =
        |site: &HeaderValue| ["cross-site", "same-site"].iter().any(|name| site == name);
    *request.method() == Method::GET && sites.any(is_elsewhere)
}

fn login_url(request: &Request, base_path: &BasePath, has_ended: bool) -> String {
    let page = request
        .uri()
        .path_and_query()
        .map_or("/", PathAndQuery::as_str);
    let next = base_path.join(page);
    let next = encode_query_value(&next);
    let why = if has_ended { "&why=ended" } else { "" };
    base_path.join(&format!("{}?next={next}{why}", pages::LOGIN))
}
