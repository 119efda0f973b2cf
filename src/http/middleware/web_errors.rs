//! Errors of the web UI as pages.
//!
//! Two layers share the work. [`mark_web_responses`] marks the responses to requests for pages. It sees normalized paths, so it knows
//! which requests these are, and it is around the authorization, so that errors of the authorization are pages too. [`render_web_errors`]
//! is further outside. It renders the errors, after the body of a 500 was replaced.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::base_path::BasePath;
use crate::http::error::Failure;
use crate::http::listener::Peer;
use crate::http::site::{is_page, site_of};
use crate::web::error_page::ErrorPage;
use crate::web::layout::Page;
use crate::web::{Place, Section, Site, page};

/// The content security policy of every page. It allows only the server's own files, and no inline script or style.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// The media type of a page.
pub(in crate::http) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Marks a response to a request for a page. An error is shown as a page of this site. It is an extension of the response.
#[derive(Clone)]
pub(in crate::http) struct WebResponse(Arc<Site>);

/// Marks the responses to requests for pages. `None` instead of a base path means that the server has no web UI, and so no pages.
pub(in crate::http) async fn mark_web_responses(
    State(base_path): State<Option<BasePath>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(base_path) = base_path.filter(|_| is_page(request.uri().path())) else {
        return next.run(request).await;
    };
    // Before there were pages, the path `/` was an unknown endpoint. It still is for clients that do not ask for a page.
    if request.uri().path() == "/" && !asks_for_page(&request) {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<Peer>();
    let site = site_of(&base_path, request.headers(), request.uri(), peer);
    let mut response = next.run(request).await;
    response
        .extensions_mut()
        .insert(WebResponse(Arc::new(site)));
    response
}

/// Returns whether the client asks for a page, as browsers do.
pub(in crate::http) fn asks_for_page(request: &Request) -> bool {
    let accepted = request.headers().get_all(ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    [Method::GET, Method::HEAD].contains(request.method())
        && accepted.any(|value| value.contains("text/html"))
}

/// Renders the errors of pages, and adds the headers that each page must have.
pub(in crate::http) async fn render_web_errors(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let Some(WebResponse(site)) = response.extensions_mut().remove::<WebResponse>() else {
        return response;
    };
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        *response.body_mut() = error_page(&site, failure).into();
        response.headers_mut().insert(CONTENT_TYPE, HTML);
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    let headers = response.headers_mut();
    headers.insert("content-security-policy", POLICY);
    headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
    response
}

fn error_page(site: &Site, failure: Failure) -> String {
    let problem = failure.into_problem();
    let place = Place {
        branch: None,
        commit: None,
    };
    let error = ErrorPage {
        site,
        place: &place,
        status: problem.status,
        detail: &problem.detail,
        paths: &problem.paths,
    };
    page(Page {
        site,
        place: &place,
        title: error.title(),
        section: Section::Other,
        query: "",
        content: error.render(),
    })
}
