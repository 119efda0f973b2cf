//! Which pages may use the store from a browser.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, ORIGIN};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower::{Layer, ServiceExt};
use tower_http::cors::{Any, CorsLayer};

use crate::http::error::{Failure, Result};
use crate::http::middleware::host::{Host, Hosts};

/// How long a browser may remember the answer to a preflight: as long as any browser does.
const PREFLIGHT_AGE: Duration = Duration::from_secs(2 * 60 * 60);

/// From where a browser may use the store.
#[derive(Clone, Debug)]
pub(in crate::http) enum Origins {
    /// From every page.
    Any(Box<CorsLayer>),
    /// From the store's own pages, which come from one of these hosts.
    Own(Hosts),
}

impl Origins {
    /// Every page may use the store, but sends no cookies and no remembered passwords.
    pub fn any() -> Self {
        Self::Any(Box::new(cors()))
    }
}

/// Turns away requests to a host that is not the server's, and those of foreign pages. It answers preflights itself: no route
/// sees one, so none needs a key.
pub(in crate::http) async fn guard(
    State(origins): State<Arc<Origins>>,
    request: Request,
    next: Next,
) -> Response {
    let host = match Host::of(&request) {
        Ok(host) => host,
        Err(failure) => return failure.into_response(),
    };
    match &*origins {
        // The layer takes every OPTIONS for a preflight.
        Origins::Any(_) if *request.method() == Method::OPTIONS && !is_preflight(&request) => {
            next.run(request).await
        }
        Origins::Any(cors) => {
            let shared = cors.layer(next).oneshot(request).await;
            shared.unwrap_or_else(|never| match never {})
        }
        Origins::Own(hosts) => match judge(hosts, host.as_ref(), &request) {
            Err(failure) => failure.into_response(),
            Ok(()) if is_preflight(&request) => StatusCode::NO_CONTENT.into_response(),
            Ok(()) => next.run(request).await,
        },
    }
}

fn judge(hosts: &Hosts, host: Option<&Host>, request: &Request) -> Result<()> {
    let forbidden = |detail| Err(Failure::new(StatusCode::FORBIDDEN, detail));
    if !hosts.allow(host) {
        return forbidden("unknown host: use an address, localhost, or the name given by --host");
    }
    let mut origins = request.headers().get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => Ok(()),
        (Some(origin), None) if is_own(origin, host) => Ok(()),
        _ => forbidden("foreign origin: the server runs without --cors"),
    }
}

/// Whether a page of this origin comes from the host that it sends its request to. The scheme does not matter: in front of the
/// server may be one that speaks TLS for it.
fn is_own(origin: &HeaderValue, host: Option<&Host>) -> bool {
    let origin = origin.to_str().ok();
    let Some((scheme, page)) = origin.and_then(|origin| origin.split_once("://")) else {
        return false;
    };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    match (Host::parse(page), host) {
        (Some(page), Some(host)) => page.is(host, default_port),
        _ => false,
    }
}

fn is_preflight(request: &Request) -> bool {
    let asked = [ORIGIN, header::ACCESS_CONTROL_REQUEST_METHOD];
    *request.method() == Method::OPTIONS
        && asked
            .iter()
            .all(|name| request.headers().contains_key(name))
}

/// The answer is the same for every origin, so no `Vary` is needed.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::DELETE,
        ])
        .allow_headers(asked())
        .expose_headers(answered())
        .max_age(PREFLIGHT_AGE)
}

/// The request headers that the API reads and a page may not set unasked.
fn asked() -> [HeaderName; 13] {
    [
        HeaderName::from_static("wasmstore-auth"),
        HeaderName::from_static("wasmstore-branch"),
        HeaderName::from_static("wasmstore-commit"),
        HeaderName::from_static("wasmstore-author"),
        HeaderName::from_static("wasmstore-message"),
        HeaderName::from_static("x-request-id"),
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::RANGE,
        header::IF_RANGE,
    ]
}

/// The response headers that the API sets; a page reads no others.
fn answered() -> [HeaderName; 15] {
    [
        HeaderName::from_static("wasmstore-hash"),
        HeaderName::from_static("wasmstore-digest"),
        HeaderName::from_static("wasmstore-commit"),
        HeaderName::from_static("repr-digest"),
        HeaderName::from_static("x-request-id"),
        header::ETAG,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
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
mod tests {
    use axum::body::Body;
    use axum::http::HeaderMap;
    use axum::http::request::Builder;
    use axum::routing::any;
    use axum::{Router, middleware};
    use http_body_util::BodyExt;

    use super::*;

    const FOREIGN: &str = "foreign origin: the server runs without --cors";
    const UNKNOWN: &str = "unknown host: use an address, localhost, or the name given by --host";

    fn app(origins: Origins) -> Router {
        let refused = || async { Failure::new(StatusCode::UNAUTHORIZED, "refused") };
        let varied = || async { ([("vary", "accept-encoding")], "varied") };
        Router::new()
            .route("/", any(|| async { "done" }))
            .route("/refused", any(refused))
            .route("/varied", any(varied))
            .layer(middleware::from_fn_with_state(Arc::new(origins), guard))
    }

    fn local() -> Origins {
        Origins::Own(Hosts::new(([127, 0, 0, 1], 6384).into(), "dev.box", false))
    }

    fn public() -> Origins {
        Origins::Own(Hosts::new(([0, 0, 0, 0], 6384).into(), "", true))
    }

    async fn answer(origins: Origins, request: Builder) -> (u16, String, HeaderMap) {
        let request = request.body(Body::empty()).unwrap();
        let response = app(origins).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        (parts.status.as_u16(), body, parts.headers)
    }

    fn preflight(origin: &str) -> Builder {
        Request::options("/")
            .header("Host", "store.example")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "PUT")
    }

    #[tokio::test]
    async fn a_page_of_the_store_itself_may_use_it() {
        for (host, origin) in [
            ("store.example", "http://store.example"),
            ("store.example", "https://store.example"),
            ("store.example", "https://STORE.example:443"),
            ("store.example:443", "https://store.example"),
            ("store.example:80", "http://store.example"),
            ("store.example:6384", "http://store.example:6384"),
            ("store.example:6384", "https://store.example:6384"),
            ("127.0.0.1:6384", "http://127.0.0.1:6384"),
            ("[::1]:6384", "http://[::1]:6384"),
        ] {
            let request = Request::post("/").header("Host", host);
            let request = request.header("Origin", origin);
            let (status, body, _) = answer(public(), request).await;
            assert_eq!((status, body.as_str()), (200, "done"), "{host} {origin}");
        }
    }

    #[tokio::test]
    async fn other_pages_may_not() {
        let long = format!("http://{}", "a".repeat(60_000));
        for origin in [
            "http://evil.example",
            "http://store.example:81",
            "https://store.example:80",
            "http://store.example.evil",
            "http://evil.store.example",
            "http://store.example@evil",
            "http://store.example/",
            "http://store.example, http://store.example",
            "http://store.example http://store.example",
            "ws://store.example",
            "chrome-extension://store.example",
            "store.example",
            "://store.example",
            "null",
            "",
            "http://",
            &long,
        ] {
            for method in ["GET", "POST", "OPTIONS"] {
                let request = Request::builder().method(method).uri("/");
                let request = request.header("Host", "store.example");
                let request = request.header("Origin", origin);
                let (status, body, headers) = answer(public(), request).await;
                assert_eq!((status, body.as_str()), (403, FOREIGN), "{method} {origin}");
                assert_eq!(headers["cache-control"], "no-store");
            }
        }
        let binary = HeaderValue::from_bytes(b"http://store.example\xff").unwrap();
        let request = Request::get("/").header("Host", "store.example");
        let (status, ..) = answer(public(), request.header("Origin", binary)).await;
        assert_eq!(status, 403);
    }

    #[tokio::test]
    async fn two_origins_are_foreign() {
        let request = Request::get("/")
            .header("Host", "store.example")
            .header("Origin", "http://store.example")
            .header("Origin", "http://store.example");
        assert_eq!(answer(public(), request).await.0, 403);
    }

    #[tokio::test]
    async fn a_socket_of_another_page_is_refused_too() {
        let request = Request::get("/")
            .header("Host", "127.0.0.1:6384")
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Origin", "http://127.0.0.1:8080");
        let (status, body, _) = answer(local(), request).await;
        assert_eq!((status, body.as_str()), (403, FOREIGN));
    }

    #[tokio::test]
    async fn over_http2_the_authority_is_the_host() {
        for (origin, expected) in [("https://a.example", 200), ("https://b.example", 403)] {
            let request = Request::get("https://a.example/")
                .version(axum::http::Version::HTTP_2)
                .header("Origin", origin);
            assert_eq!(answer(public(), request).await.0, expected, "{origin}");
        }
    }

    #[tokio::test]
    async fn what_names_no_host_has_no_origin() {
        let request = || Request::get("/").version(axum::http::Version::HTTP_10);
        assert_eq!(answer(local(), request()).await.0, 200);
        let request = request().header("Origin", "http://localhost");
        assert_eq!(answer(local(), request).await.0, 403);
    }

    #[tokio::test]
    async fn a_rebound_name_does_not_reach_a_local_store() {
        let rebound = |method: &str| {
            Request::builder()
                .method(method)
                .uri("/")
                .header("Host", "evil.example:6384")
        };
        for request in [
            rebound("GET"),
            rebound("POST").header("Origin", "http://evil.example:6384"),
        ] {
            let (status, body, _) = answer(local(), request).await;
            assert_eq!((status, body.as_str()), (403, UNKNOWN));
        }
        assert_eq!(answer(public(), rebound("GET")).await.0, 200);
        for own in ["localhost:6384", "dev.box", "127.0.0.1"] {
            let request = Request::get("/").header("Host", own);
            assert_eq!(answer(local(), request).await.0, 200, "{own}");
        }
    }

    #[tokio::test]
    async fn a_request_without_a_proper_host_is_malformed() {
        for origins in [local(), public(), Origins::any()] {
            let (status, body, _) = answer(origins.clone(), Request::get("/")).await;
            let missing = "the Host header is missing";
            assert_eq!((status, body.as_str()), (400, missing));
            let request = Request::get("/").header("Host", "a b");
            let (status, body, _) = answer(origins, request).await;
            let malformed = "the Host header is malformed";
            assert_eq!((status, body.as_str()), (400, malformed));
        }
    }

    #[tokio::test]
    async fn with_cors_every_page_may_use_the_store_and_read_its_headers() {
        for origin in ["http://evil.example", "null"] {
            let request = Request::post("/refused").header("Host", "evil.example");
            let request = request.header("Origin", origin);
            let (status, body, headers) = answer(Origins::any(), request).await;
            assert_eq!((status, body.as_str()), (401, "refused"));
            assert_eq!(headers["access-control-allow-origin"], "*");
            assert_eq!(
                headers["access-control-expose-headers"],
                "wasmstore-hash,wasmstore-digest,wasmstore-commit,repr-digest,x-request-id,etag,\
                 content-length,content-range,accept-ranges,link,allow,retry-after,cache-control,\
                 vary,www-authenticate"
            );
            assert!(!headers.contains_key("access-control-allow-credentials"));
            assert!(!headers.contains_key("vary"));
        }
        let request = Request::get("/varied").header("Host", "a");
        let (_, _, headers) = answer(Origins::any(), request).await;
        let varied: Vec<_> = headers.get_all("vary").iter().collect();
        assert_eq!(varied, ["accept-encoding"]);
    }

    #[tokio::test]
    async fn with_cors_preflights_are_answered() {
        let (status, body, headers) = answer(Origins::any(), preflight("http://a")).await;
        assert_eq!((status, body.as_str()), (200, ""));
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(
            headers["access-control-allow-methods"],
            "GET,HEAD,POST,PUT,DELETE"
        );
        assert_eq!(
            headers["access-control-allow-headers"],
            "wasmstore-auth,wasmstore-branch,wasmstore-commit,wasmstore-author,wasmstore-message,\
             x-request-id,authorization,content-type,content-encoding,if-match,if-none-match,range,\
             if-range"
        );
        assert_eq!(headers["access-control-max-age"], "7200");
        assert!(!headers.contains_key("access-control-allow-credentials"));
        assert!(!headers.contains_key("vary"));
    }

    #[tokio::test]
    async fn an_options_that_is_no_preflight_reaches_its_route() {
        for header in ["Origin", "Access-Control-Request-Method", "Accept"] {
            let request = Request::options("/").header("Host", "a");
            let request = request.header(header, "http://a");
            for origins in [Origins::any(), public()] {
                let (status, body, _) = answer(origins, request_again(&request)).await;
                assert_eq!((status, body.as_str()), (200, "done"), "{header}");
            }
        }
    }

    fn request_again(request: &Builder) -> Builder {
        let headers = request.headers_ref().unwrap().iter();
        headers.fold(Request::options("/"), |request, (name, value)| {
            request.header(name, value)
        })
    }

    #[tokio::test]
    async fn without_cors_a_preflight_of_another_page_is_refused() {
        let (status, body, headers) = answer(public(), preflight("http://evil")).await;
        assert_eq!((status, body.as_str()), (403, FOREIGN));
        assert!(!headers.contains_key("access-control-allow-origin"));
        let (status, body, _) = answer(public(), preflight("http://store.example")).await;
        assert_eq!((status, body.as_str()), (204, ""));
    }
}
