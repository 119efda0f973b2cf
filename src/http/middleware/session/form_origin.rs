//! Checks that the forms of the web UI are sent by pages of this server.

use axum::extract::Request;
use axum::http::header::ORIGIN;
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::error::{Failure, Result};
use crate::http::middleware::host::Host;
use crate::http::middleware::origin::is_same_origin;

/// The header in which browsers say how the page that sent a request is related to the requested server (W3C Fetch Metadata). Scripts of
/// pages cannot set it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Rejects requests to the web UI that a page of another site has sent, unless they only read.
pub(in crate::http) async fn refuse_foreign_forms(request: Request, next: Next) -> Response {
    match check_form_origin(&request) {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    }
}

/// Rejects a request that may write, unless a page of this server has sent it. Unlike the API, the web UI accepts no forms of other origins
/// even with `--cors`, because its forms can be sent with a session.
///
/// # Errors
/// 403 if another page, or no browser, has sent the request.
fn check_form_origin(request: &Request) -> Result<()> {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS];
    if reads.contains(request.method()) || is_own_page(request) {
        return Ok(());
    }
    let detail = "the form was not sent by a page of this server; nothing was changed";
    Err(Failure::new(StatusCode::FORBIDDEN, detail))
}

/// Returns whether the browser says that a page of this server has sent the request. All browsers send this information with forms and
/// WebSockets.
pub(in crate::http) fn is_own_page(request: &Request) -> bool {
    let headers = request.headers();
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    let mut origins = headers.get_all(ORIGIN).iter();
    if sites.any(|site| site != "same-origin") {
        return false;
    }
    match (origins.next(), origins.next()) {
        (None, _) => headers.contains_key(SEC_FETCH_SITE),
        (Some(origin), None) => {
            let host = Host::of(request).ok().flatten();
            is_same_origin(origin, host.as_ref())
        }
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_form_needs_an_origin_of_this_host() {
        let (origin, site) = ("Origin", "Sec-Fetch-Site");
        for (headers, expected) in [
            (&[][..], false),
            (&[(origin, "http://a.example")], true),
            (&[(origin, "https://a.example")], false),
            (&[(origin, "http://b.example")], false),
            (&[(origin, "null")], false),
            (&[(site, "same-origin")], true),
            (&[(site, "same-site")], false),
            (&[(site, "none")], false),
            (&[(origin, "http://a.example"), (site, "cross-site")], false),
            (
                &[(origin, "http://a.example"), (origin, "http://b.example")],
                false,
            ),
        ] {
            let mut request = Request::post("/upload").header("Host", "a.example:80");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let request = request.body(Body::empty()).unwrap();
            assert_eq!(check_form_origin(&request).is_ok(), expected, "{headers:?}");
        }
        let request = Request::get("/").header("Host", "a.example");
        let request = request.body(Body::empty()).unwrap();
        assert!(check_form_origin(&request).is_ok());
    }
}
