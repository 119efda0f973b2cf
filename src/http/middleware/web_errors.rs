//! Shows errors of the web UI as pages.
//!
//! Two layers do this. [`mark_web_responses`] marks the responses to requests for pages. It gets normalized paths, so it can recognize
//! these requests, and it is outside of the authorization, so that errors of the authorization become pages too. [`render_web_errors`] is
//! further outside: it renders the error pages after the layer [`request_log`](super::request_log::request_log) has replaced the bodies of
//! 500 responses.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, REFERER};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::base_path::BasePath;
use crate::http::error::Failure;
use crate::http::listener::Peer;
use crate::http::middleware::auth::Caller;
use crate::http::middleware::host::Host;
use crate::http::middleware::origin::is_same_origin;
use crate::http::pages::{self, accepts_html, is_page};
use crate::http::site::site_of;
use crate::web::error_page::ErrorPage;
use crate::web::layout::Page;
use crate::web::{Place, Section, Site, page};

/// The content security policy of every page. It allows only the server's own files, and neither inline scripts nor inline styles.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// A mark on a response to a request for a page, with the data for an error page. It is an extension of the response.
#[derive(Clone)]
pub(in crate::http) struct WebResponse(Arc<ErrorFrame>);

/// The facts about a request that an error page shows.
struct ErrorFrame {
    site: Site,
    /// For a form: the page with the form, if the browser has sent its URL. For other requests: the requested page itself.
    page_before: Option<String>,
    is_form: bool,
}

/// Marks the responses to requests for pages. `base_path` is `None` if the server has no web UI; then no response is marked.
pub(in crate::http) async fn mark_web_responses(
    State(base_path): State<Option<BasePath>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(base_path) = base_path.filter(|_| is_page(request.uri().path())) else {
        return next.run(request).await;
    };
    // Before the web UI existed, the path `/` was an unknown endpoint. For clients that do not request a page, `/` is still an unknown
    // endpoint.
    if request.uri().path() == "/" && !asks_for_page(&request) {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<Peer>();
    let mut site = site_of(&base_path, request.headers(), request.uri(), peer);
    let is_form = *request.method() == Method::POST;
    let page_before = if is_form {
        page_before(&request)
    } else {
        let own = request.uri().path_and_query();
        Some(base_path.join(own.map_or("/", PathAndQuery::as_str)))
    };
    let mut response = next.run(request).await;
    if let Some(caller) = response.extensions_mut().remove::<Caller>() {
        site.rights.is_signed_in = caller.key().is_some();
        site.shows_status = caller.allows(&Method::POST);
    }
    let frame = ErrorFrame {
        site,
        page_before,
        is_form,
    };
    let frame = WebResponse(Arc::new(frame));
    response.extensions_mut().insert(frame);
    response
}

/// Returns whether the client requests a page, as browsers do.
pub(in crate::http) fn asks_for_page(request: &Request) -> bool {
    [Method::GET, Method::HEAD].contains(request.method()) && accepts_html(request.headers())
}

/// Returns the path and query of the page that has sent a request, from the `Referer` header. Returns `None` if there is no such header or
/// the header names a page of another server. The host of the request is in the `Host` header or, over HTTP/2, in the URI.
fn page_before(request: &Request) -> Option<String> {
    let page: Uri = request
        .headers()
        .get(REFERER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    let origin = format!("{}://{}", page.scheme_str()?, page.authority()?);
    let host = Host::of(request).ok()?;
    if !is_same_origin(&HeaderValue::from_str(&origin).ok()?, host.as_ref()) {
        return None;
    }
    let path = page.path_and_query()?.as_str();
    let is_plain = |c: char| c.is_ascii_graphic() && c != '\\';
    let is_path = path.starts_with('/') && !path.starts_with("//");
    (is_path && path.chars().all(is_plain)).then(|| path.to_owned())
}

/// Renders errors as pages, and adds the headers that every page must have.
pub(in crate::http) async fn render_web_errors(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let Some(WebResponse(frame)) = response.extensions_mut().remove::<WebResponse>() else {
        return response;
    };
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        *response.body_mut() = error_page(&frame, failure).into();
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(pages::MEDIA_TYPE));
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    let headers = response.headers_mut();
    headers.insert("content-security-policy", POLICY);
    headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
    response
}

fn error_page(frame: &ErrorFrame, failure: Failure) -> String {
    let site = &frame.site;
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
        page_before: frame.page_before.as_deref(),
        is_form: frame.is_form,
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
