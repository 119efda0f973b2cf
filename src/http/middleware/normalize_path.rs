//! One form for every path, before it is routed.

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::http::error::{Failure, Result};
use crate::http::percent;

/// Puts a router behind the normal form. The result is a router without routes of its own, which passes everything on: layers
/// on it run before routing.
pub(in crate::http) fn wrap(router: Router) -> Router {
    Router::new()
        .fallback_service(router)
        .layer(middleware::from_fn(in_normal_form))
}

async fn in_normal_form(mut request: Request, next: Next) -> Response {
    match normalize(request.uri().clone()) {
        Ok(uri) => *request.uri_mut() = uri,
        Err(failure) => return failure.into_response(),
    }
    next.run(request).await
}

/// Drops trailing and doubled slashes from the path, as clients send them. An escaped slash is a character of its segment and
/// stays, and so does the query.
///
/// # Errors
/// 400 when percent escapes of the path or the query are malformed, or do not make UTF-8.
pub(in crate::http) fn normalize(uri: Uri) -> Result<Uri> {
    percent::decode(uri.path())?;
    percent::decode(uri.query().unwrap_or_default())?;
    if !uri.path().contains("//") && (uri.path() == "/" || !uri.path().ends_with('/')) {
        return Ok(uri);
    }
    let segments = uri.path().split('/').filter(|segment| !segment.is_empty());
    let mut text: String = segments.flat_map(|segment| ["/", segment]).collect();
    if text.is_empty() {
        text.push('/');
    }
    if let Some(query) = uri.query() {
        text.push('?');
        text.push_str(query);
    }
    let malformed = || Failure::malformed("the request's address is malformed");
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).map_err(|_| malformed())?);
    Uri::from_parts(parts).map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Path;
    use axum::routing::{get, post};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    fn normal(uri: &str) -> String {
        normalize(uri.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn trailing_and_doubled_slashes_are_dropped() {
        for (uri, expected) in [
            ("/", "/"),
            ("//", "/"),
            ("///?a=//", "/?a=//"),
            ("/a", "/a"),
            ("/a/", "/a"),
            ("//a///b//", "/a/b"),
            ("/api/v1/modules/", "/api/v1/modules"),
            ("/api/v1//module//a.wasm/", "/api/v1/module/a.wasm"),
            ("/a/?x=1&y=//%2f/", "/a?x=1&y=//%2f/"),
            ("/a/?", "/a?"),
            ("/a%2F", "/a%2F"),
            ("/a%2F%2f//b", "/a%2F%2f/b"),
            ("/a/./../b", "/a/./../b"),
            ("/%20/ä", "/%20/ä"),
            ("http://host:1//a/?b", "http://host:1/a?b"),
            ("http://host:1", "http://host:1/"),
            ("host:1", "host:1"),
            ("*", "*"),
        ] {
            assert_eq!(normal(uri), expected, "{uri}");
        }
        let long = format!("/{}", "/".repeat(60_000));
        assert_eq!(normal(&long), "/");
        assert_eq!(normal(&format!("{long}a")), "/a");
    }

    #[test]
    fn malformed_escapes_are_refused() {
        for (uri, detail) in [
            ("/%", "a `%` is not followed by two hex digits"),
            ("/a%4", "a `%` is not followed by two hex digits"),
            ("/%z1//b/", "a `%` is not followed by two hex digits"),
            ("/%4/1", "a `%` is not followed by two hex digits"),
            ("/a?b=%zz", "a `%` is not followed by two hex digits"),
            ("/?%ff", "the percent escapes are not UTF-8"),
            ("/%ff", "the percent escapes are not UTF-8"),
            ("/%C3/%A4", "the percent escapes are not UTF-8"),
        ] {
            let refused = Err(Failure::malformed(detail));
            assert_eq!(normalize(uri.parse().unwrap()), refused, "{uri}");
        }
    }

    async fn answer(request: Request) -> (u16, String) {
        let module = |Path(path): Path<String>| async move { path };
        let inner = Router::new()
            .route("/api/v1/modules", get(|| async { "all" }))
            .route("/api/v1/module/{*path}", get(module))
            .route("/api/v1/rollback", post(|| async { "back" }))
            .fallback(|uri: Uri| async move { format!("none: {uri}") });
        let response = wrap(inner).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn paths_are_routed_in_their_normal_form() {
        for (method, path, expected) in [
            ("GET", "/api/v1/modules/", (200, "all")),
            ("GET", "//api/v1//modules?limit=1", (200, "all")),
            ("GET", "/api/v1//module//a.wasm/", (200, "a.wasm")),
            ("GET", "/api/v1/module/a%2Fb%25.wasm", (200, "a/b%.wasm")),
            ("POST", "/api/v1/rollback/", (200, "back")),
            ("GET", "/api/v1/rollback/", (405, "")),
            ("GET", "//x//?y", (200, "none: /x?y")),
            (
                "GET",
                "/api/v1/module/%zz",
                (400, "a `%` is not followed by two hex digits"),
            ),
        ] {
            let request = Request::builder().method(method).uri(path);
            let (status, body) = answer(request.body(Body::empty()).unwrap()).await;
            assert_eq!((status, body.as_str()), expected, "{method} {path}");
        }
    }
}
