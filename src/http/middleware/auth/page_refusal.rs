//! The response to a request for a page without a key, or after the end of a session.

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

/// The challenge in a 401 that browsers do not answer by themselves (RFC 6750).
pub(in crate::http) const BEARER: &str = r#"Bearer realm="wasmstore""#;

/// Returns the response to a request for a page without a key. Browsers ask for a key by themselves if they see the challenge of HTTP Basic,
/// so only those see it that have sent such credentials, or follow the link to them. The others are led to the form.
pub(super) fn page_refusal(failure: Failure, request: &Request, base_path: &BasePath) -> Response {
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
    // After a form, the page of the error says that nothing was changed.
    if *request.method() == Method::GET {
        let location = login_url(request, base_path, has_ended);
        return (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response();
    }
    let challenge = HeaderValue::from_static(BEARER);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// Returns whether a page of another site has a link to the page. Then the browser has not sent the cookie, because it is `SameSite=Strict`; it
/// does so if a page of this server loads the page again.
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
