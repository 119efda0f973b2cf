//! Checks whether the web page that sends a request may use this server.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{self, AUTHORIZATION, CONTENT_TYPE, HeaderName, ORIGIN};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower::{Layer, ServiceExt};
use tower_http::cors::{Any, CorsLayer};

use crate::http::error::{Failure, Result};
use crate::http::middleware::host::{AllowedHosts, Host};
use crate::wire;

/// How long a browser may cache the response to a CORS preflight. No browser caches it longer than two hours.
const PREFLIGHT_AGE: Duration = Duration::from_secs(2 * 60 * 60);

/// The request headers that tracing libraries add: those of W3C Trace Context and Baggage, B3, Jaeger, Sentry, Datadog, AWS X-Ray, Google
/// Cloud, Elastic and New Relic.
const TRACING_HEADERS: [&str; 20] = [
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "uber-trace-id",
    "sentry-trace",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-origin",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "elastic-apm-traceparent",
    "newrelic",
];

/// The media types of HTML forms. A page may send a body of these types to another site without a preflight.
const FORM_MEDIA_TYPES: [&str; 3] = [
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
];

/// The web origins whose pages may use the API.
#[derive(Clone, Debug)]
pub(in crate::http) enum OriginPolicy {
    /// All origins.
    Any(Box<CorsLayer>),
    /// Only the origin of the server itself.
    SameOrigin,
}

impl OriginPolicy {
    /// Creates a policy that allows all origins, but not with cookies or saved passwords.
    pub fn any() -> Self {
        Self::Any(Box::new(cors()))
    }
}

/// Rejects a request if a page of a forbidden origin has sent it, or if its host is not allowed. Answers CORS preflights itself, before
/// [`authorize`](crate::http::middleware::auth::authorize) rejects them for having no API key.
pub(in crate::http) async fn check_origin(
    State(checks): State<Arc<(OriginPolicy, AllowedHosts)>>,
    request: Request,
    next: Next,
) -> Response {
    let (policy, hosts) = &*checks;
    let host = match Host::of(&request).and_then(|host| check_host(hosts, host)) {
        Ok(host) => host,
        Err(failure) => return failure.into_response(),
    };
    match policy {
        // The CORS layer treats every OPTIONS request as a preflight, so OPTIONS requests that are not preflights do not pass through it.
        OriginPolicy::Any(_) if *request.method() == Method::OPTIONS && !is_preflight(&request) => {
            next.run(request).await
        }
        OriginPolicy::Any(_) if is_forgeable(host.as_ref(), &request) => {
            let detail = "a page of another site must send its key as `Authorization: Bearer` or `Wasmstore-Auth`, not with HTTP Basic: \
                          browsers add saved passwords to its requests";
            Failure::new(StatusCode::FORBIDDEN, detail).into_response()
        }
        OriginPolicy::Any(cors) => {
            let response = cors.layer(next).oneshot(request).await;
            response.unwrap_or_else(|never| match never {})
        }
        OriginPolicy::SameOrigin => match check_same_origin(host.as_ref(), &request) {
            Err(failure) => failure.into_response(),
            Ok(()) if is_preflight(&request) => StatusCode::NO_CONTENT.into_response(),
            Ok(()) => next.run(request).await,
        },
    }
}

fn check_host(hosts: &AllowedHosts, host: Option<Host>) -> Result<Option<Host>> {
    if hosts.allow(host.as_ref()) {
        return Ok(host);
    }
    let detail =
        "unknown host: use an IP address, localhost, or a name given by --host or --allowed-host";
    Err(Failure::new(StatusCode::FORBIDDEN, detail))
}

/// Returns whether a page of another site may have made the browser send a write with a password that the user has saved for this server.
/// The page can do so only with a request that needs no preflight, because the response to a preflight does not allow saved passwords. The
/// only writes without a preflight are POST requests whose media type is missing or one of HTML forms (Fetch Standard, "CORS-safelisted
/// request-header").
fn is_forgeable(host: Option<&Host>, request: &Request) -> bool {
    let headers = request.headers();
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let is_elsewhere = |site: &HeaderValue| site == "cross-site" || site == "same-site";
    let is_foreign = check_same_origin(host, request).is_err()
        || headers.get_all("sec-fetch-site").iter().any(is_elsewhere);
    let authorization = text(AUTHORIZATION).unwrap_or_default();
    let is_basic = authorization
        .get(..6)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic "));
    let media_type = text(CONTENT_TYPE).and_then(|value| value.split(';').next());
    let needs_preflight = media_type.is_some_and(|media_type| {
        let is_same = |form: &&str| media_type.trim().eq_ignore_ascii_case(form);
        !FORM_MEDIA_TYPES.iter().any(is_same)
    });
    *request.method() == Method::POST && is_foreign && is_basic && !needs_preflight
}

fn check_same_origin(host: Option<&Host>, request: &Request) -> Result<()> {
    let mut origins = request.headers().get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => Ok(()),
        (Some(origin), None) if is_same_origin(origin, host) => Ok(()),
        _ => {
            let detail = "foreign origin: the server runs without --cors";
            Err(Failure::new(StatusCode::FORBIDDEN, detail))
        }
    }
}

/// Returns whether the origin has the host and port to which the request was sent. The schemes may differ, because a proxy in front of the
/// server may handle TLS.
pub(super) fn is_same_origin(origin: &HeaderValue, host: Option<&Host>) -> bool {
    let text = origin.to_str().ok();
    let Some((scheme, page)) = text.and_then(|text| text.split_once("://")) else {
        return false;
    };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    match (Host::parse(page), host) {
        (Some(page), Some(host)) => page.is_same(host, default_port),
        _ => false,
    }
}

fn is_preflight(request: &Request) -> bool {
    let required = [ORIGIN, header::ACCESS_CONTROL_REQUEST_METHOD];
    *request.method() == Method::OPTIONS
        && required
            .iter()
            .all(|name| request.headers().contains_key(name))
}

/// Returns the CORS layer. Its response is the same for all origins, so it sets no `Vary`.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers(request_headers())
        .expose_headers(response_headers())
        .max_age(PREFLIGHT_AGE)
}

/// Returns the request headers that a page may set only if the server allows them: the headers of the API, and the headers that tracing
/// libraries add to all requests of a page. Without the headers of tracing libraries, all requests of a page that uses such a library would
/// fail.
fn request_headers() -> Vec<HeaderName> {
    let tracing = TRACING_HEADERS.map(HeaderName::from_static);
    api_headers().into_iter().chain(tracing).collect()
}

fn api_headers() -> [HeaderName; 16] {
    [
        HeaderName::from_static("wasmstore-auth"),
        HeaderName::from_static("wasmstore-branch"),
        HeaderName::from_static("wasmstore-commit"),
        HeaderName::from_static("wasmstore-author"),
        HeaderName::from_static("wasmstore-message"),
        HeaderName::from_static("wasmstore-if-match"),
        HeaderName::from_static("wasmstore-if-none-match"),
        HeaderName::from_static("x-request-id"),
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_RANGE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::RANGE,
        header::IF_RANGE,
    ]
}

/// Returns the response headers of the API. Pages of other origins can read only the listed headers.
fn response_headers() -> [HeaderName; 22] {
    [
        HeaderName::from_static("wasmstore-hash"),
        HeaderName::from_static("wasmstore-digest"),
        HeaderName::from_static("wasmstore-commit"),
        HeaderName::from_static("wasmstore-branch"),
        HeaderName::from_static("wasmstore-changed"),
        HeaderName::from_static(wire::UNDONE),
        HeaderName::from_static(wire::MOVED_FROM),
        HeaderName::from_static("wasmstore-forwarded-from"),
        HeaderName::from_static("repr-digest"),
        HeaderName::from_static("x-request-id"),
        header::ETAG,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::RANGE,
        header::LOCATION,
        header::ACCEPT_RANGES,
        header::LINK,
        header::ALLOW,
        header::RETRY_AFTER,
        header::CACHE_CONTROL,
        header::VARY,
        header::WWW_AUTHENTICATE,
    ]
}

#[cfg(test)]
mod tests;
