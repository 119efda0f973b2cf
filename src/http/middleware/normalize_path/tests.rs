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
fn trailing_and_doubled_slashes_are_removed() {
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
fn malformed_escapes_are_rejected() {
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
        let expected = Err(Failure::malformed(detail));
        assert_eq!(normalize(uri.parse().unwrap()), expected, "{uri}");
    }
}

async fn respond(request: Request) -> (u16, String) {
    let module = |Path(path): Path<String>| async move { path };
    let inner = Router::new()
        .route("/api/v1/modules", get(|| async { "all" }))
        .route("/api/v1/module/{*path}", get(module))
        .route("/api/v1/rollback", post(|| async { "back" }))
        .fallback(|uri: Uri| async move { format!("none: {uri}") });
    let response = with_normalized_paths(inner, BasePath::default())
        .oneshot(request)
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn only_options_may_ask_about_the_server_as_a_whole() {
    for (method, expected) in [
        ("OPTIONS", (204, "")),
        ("GET", (400, "the target `*` is only for OPTIONS")),
        ("POST", (400, "the target `*` is only for OPTIONS")),
    ] {
        let request = Request::builder().method(method).uri("*");
        let (status, body) = respond(request.body(Body::empty()).unwrap()).await;
        assert_eq!((status, body.as_str()), expected, "{method}");
    }
}

#[tokio::test]
async fn requests_are_routed_by_the_normalized_path() {
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
        let (status, body) = respond(request.body(Body::empty()).unwrap()).await;
        assert_eq!((status, body.as_str()), expected, "{method} {path}");
    }
}
