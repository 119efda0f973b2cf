use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{HeaderMap, HeaderValue};
use axum::routing::any;
use axum::{Extension, Router, middleware};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::stream;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;
use crate::http::middleware::auth::credentials::KEY_PROTOCOL_PREFIX;
use crate::names::Author;

const WATCH: &str = "/api/v1/watch";

const KEYS: &str = "reader:GET\nwriter:POST,PUT:Ann <ann@example.org>\nro o/t?~:*";

fn app(keys: Option<&str>) -> Router {
    let keys = keys.map(|text| KeyCheck::new(Keys::parse_file(text).unwrap().into(), 3));
    let check = AccessCheck {
        keys,
        web_sessions: None,
    };
    let report_caller = |caller: Option<Extension<Caller>>| async move {
        caller.map_or_else(
            || "no caller".to_owned(),
            |Extension(caller)| author_of(&caller),
        )
    };
    Router::new()
        .route("/", any(report_caller))
        .route(WATCH, any(report_caller))
        .route("/healthz", any(report_caller))
        .route("/readyz", any(report_caller))
        .layer(middleware::from_fn_with_state(check, authorize))
}

fn author_of(caller: &Caller) -> String {
    let author = caller.author.as_ref().map(Author::to_string);
    format!("{author:?}")
}

async fn respond(app: Router, request: Builder) -> (u16, String, HeaderMap) {
    let response = app
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    (parts.status.as_u16(), body, parts.headers)
}

async fn status(request: Builder) -> u16 {
    respond(app(Some(KEYS)), request).await.0
}

fn basic(credentials: impl AsRef<[u8]>) -> String {
    format!(
        "Basic {}",
        base64::prelude::BASE64_STANDARD.encode(credentials)
    )
}

fn socket() -> Builder {
    Request::get(WATCH)
        .header("Connection", "Upgrade")
        .header("Upgrade", "WebSocket")
}

#[tokio::test]
async fn without_keys_every_request_is_allowed() {
    let request = Request::delete("/").header("Wasmstore-Auth", "any");
    let (status, body, _) = respond(app(None), request).await;
    assert_eq!((status, body.as_str()), (200, "None"));
}

#[tokio::test]
async fn a_known_key_allows_its_methods() {
    for (key, method, expected) in [
        ("reader", "GET", 200),
        ("reader", "HEAD", 200),
        ("reader", "POST", 403),
        ("reader", "OPTIONS", 403),
        ("reader", "CONNECT", 403),
        ("reader", "WHATEVER", 403),
        ("writer", "PUT", 200),
        ("writer", "GET", 403),
        ("writer", "HEAD", 403),
    ] {
        let request = Request::builder().method(method).uri("/");
        let status = status(request.header("Wasmstore-Auth", key)).await;
        assert_eq!(status, expected, "{key} {method}");
    }
    let request = Request::post("/").header("Wasmstore-Auth", "writer");
    let (_, body, _) = respond(app(Some(KEYS)), request).await;
    assert_eq!(body, r#"Some("Ann <ann@example.org>")"#);
}

#[tokio::test]
async fn a_missing_and_an_unknown_key_get_the_same_response() {
    let without = respond(app(Some(KEYS)), Request::get("/")).await;
    let unknown = Request::get("/").header("Wasmstore-Auth", "guess");
    let unknown = respond(app(Some(KEYS)), unknown).await;
    assert_eq!(without, unknown);
    let (status, body, headers) = without;
    assert_eq!((status, body.as_str()), (401, "a valid key is needed"));
    let challenges: Vec<_> = headers.get_all("www-authenticate").iter().collect();
    let basic = r#"Basic realm="wasmstore", charset="UTF-8""#;
    assert_eq!(challenges, [basic, r#"Bearer realm="wasmstore""#]);
    assert_eq!(headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_method_that_the_key_does_not_allow_is_403_without_a_challenge() {
    let request = Request::delete("/").header("Wasmstore-Auth", "reader");
    let (status, body, headers) = respond(app(Some(KEYS)), request).await;
    let expected = "the key does not allow DELETE: it allows GET";
    assert_eq!((status, body.as_str()), (403, expected));
    assert!(!headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn malformed_keys_are_401() {
    let long = "x".repeat(60_000);
    for key in [
        &b""[..],
        b"\xff\xfe",
        "schlüssel".as_bytes(),
        b"reader\t.",
        long.as_bytes(),
    ] {
        let value = HeaderValue::from_bytes(key).unwrap();
        let request = Request::get("/").header("Wasmstore-Auth", value);
        assert_eq!(status(request).await, 401, "{key:?}");
    }
    let twice = Request::get("/")
        .header("Wasmstore-Auth", "reader")
        .header("Wasmstore-Auth", "reader");
    assert_eq!(status(twice).await, 401);
}

#[tokio::test]
async fn the_token_and_the_password_of_http_are_keys() {
    for (credentials, expected) in [
        (basic("anyone:reader"), 200),
        (basic(":reader"), 200),
        (basic("git:ro o/t?~"), 200),
        (basic(b"\xff\xfe:reader"), 200),
        (basic("u:reader").replace("Basic ", "bAsIc  "), 200),
        (basic("u:reader").trim_end_matches('=').to_owned(), 200),
        (basic("u:guess"), 401),
        (basic("u:reader\0"), 401),
        (basic("u:"), 401),
        (basic("reader"), 401),
        (basic(""), 401),
        ("Bearer reader".to_owned(), 200),
        ("bearer  ro o/t?~ ".to_owned(), 200),
        ("Bearer guess".to_owned(), 401),
        ("Bearer u:reader".to_owned(), 401),
        ("Bearer".to_owned(), 401),
        ("Bearer ".to_owned(), 401),
        ("Token reader".to_owned(), 401),
        (basic("u:reader").replace("Basic", "Bearer"), 401),
        ("Basic".to_owned(), 401),
        ("Basic ".to_owned(), 401),
        ("Basic !!!".to_owned(), 401),
        ("Basic u:reader".to_owned(), 401),
        (String::new(), 401),
    ] {
        let request = Request::get("/").header("Authorization", &credentials);
        assert_eq!(status(request).await, expected, "{credentials:?}");
    }
    let garbage = HeaderValue::from_bytes(b"Basic \xff\xff").unwrap();
    let request = Request::get("/").header("Authorization", garbage);
    assert_eq!(status(request).await, 401);
    let twice = Request::get("/")
        .header("Authorization", basic("u:reader"))
        .header("Authorization", basic("u:reader"));
    assert_eq!(status(twice).await, 401);
}

#[tokio::test]
async fn wasmstore_auth_takes_precedence_over_basic() {
    for (own, password, expected) in [
        ("reader", "guess", 200),
        ("guess", "reader", 401),
        ("", "reader", 401),
        ("writer", "reader", 403),
    ] {
        let request = Request::get("/")
            .header("Authorization", basic(format!("u:{password}")))
            .header("Wasmstore-Auth", own);
        assert_eq!(status(request).await, expected, "{own:?}");
    }
}

#[tokio::test]
async fn a_websocket_may_offer_its_key_as_a_subprotocol() {
    let offer = |key: &str| {
        format!(
            "{KEY_PROTOCOL_PREFIX}{}",
            BASE64_URL_SAFE_NO_PAD.encode(key)
        )
    };
    let reader = offer("reader");
    for (protocols, expected) in [
        (format!("wasmstore.v1, {reader}"), 200),
        (format!("{reader},wasmstore.v1"), 200),
        (format!("wasmstore.v1,{}", offer("ro o/t?~")), 200),
        (format!("wasmstore.v1,{}", offer("writer")), 403),
        (format!("wasmstore.v1,{}", offer("guess")), 401),
        (format!("wasmstore.v1,{reader},{reader}"), 401),
        (format!("wasmstore.v1,{reader}="), 401),
        (format!("wasmstore.v1,{KEY_PROTOCOL_PREFIX}"), 401),
        (format!("wasmstore.v1,{KEY_PROTOCOL_PREFIX}reader"), 401),
        ("wasmstore.v1".to_owned(), 401),
        (reader.clone(), 401),
    ] {
        let request = socket().header("Sec-WebSocket-Protocol", &protocols);
        assert_eq!(status(request).await, expected, "{protocols:?}");
    }
    let two_headers = socket()
        .header("Sec-WebSocket-Protocol", "wasmstore.v1")
        .header("Sec-WebSocket-Protocol", &reader);
    assert_eq!(status(two_headers).await, 200);
    let both = format!("wasmstore.v1,{reader}");
    let plain = Request::get(WATCH).header("Sec-WebSocket-Protocol", &both);
    assert_eq!(status(plain).await, 401);
    let header = socket().header("Wasmstore-Auth", "reader");
    assert_eq!(status(header).await, 200);
}

#[tokio::test]
async fn a_websocket_over_http2_needs_get() {
    let protocol = hyper::ext::Protocol::from_static("websocket");
    let open = |key: &str| {
        let offer = format!(
            "{KEY_PROTOCOL_PREFIX}{}",
            BASE64_URL_SAFE_NO_PAD.encode(key)
        );
        Request::connect(WATCH)
            .extension(protocol.clone())
            .header("Sec-WebSocket-Protocol", format!("wasmstore.v1,{offer}"))
    };
    assert_eq!(status(open("reader")).await, 200);
    assert_eq!(status(open("writer")).await, 403);
}

#[tokio::test]
async fn only_the_health_endpoints_need_no_key() {
    for (path, expected) in [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/healthz/", 401),
        ("/healthz%2F", 401),
        ("/Healthz", 401),
        ("//healthz", 401),
        ("/metrics", 401),
        ("/no-such-route", 401),
    ] {
        assert_eq!(status(Request::get(path)).await, expected, "{path}");
    }
    let (_, body, _) = respond(app(Some(KEYS)), Request::get("/healthz")).await;
    assert_eq!(body, "no caller");
}

#[tokio::test]
async fn the_body_is_not_read_before_the_key_is_checked() {
    let untouched = stream::poll_fn(|_| -> std::task::Poll<Option<std::io::Result<Vec<u8>>>> {
        panic!("the body was read")
    });
    let request = Request::post("/").body(Body::from_stream(untouched));
    let response = app(Some(KEYS)).oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 401);
}

#[test]
fn hooks_receive_the_allowed_methods_and_the_author() {
    let identity = |caller: &Caller| {
        let pusher = caller.pusher();
        (
            pusher.methods,
            pusher.author.map(|author| author.to_string()),
        )
    };
    assert_eq!(identity(&Caller::default()), ("*".to_owned(), None));
    let keys = Keys::parse_file(KEYS).unwrap();
    let request = Request::post("/").header("Wasmstore-Auth", "writer");
    let request = request.body(Body::empty()).unwrap();
    let grant = keys.find(b"writer").unwrap();
    check_method(grant, &request).unwrap();
    let caller = Caller {
        author: grant.author.clone(),
        methods: grant.methods.clone(),
        key: None,
        user: None,
    };
    let author = Some("Ann <ann@example.org>".to_owned());
    assert_eq!(identity(&caller), ("POST,PUT".to_owned(), author));
}

#[test]
fn a_fixed_author_excludes_every_other_author() {
    let author = |text: &str| Some(Author::parse(text).unwrap());
    let fixed = Caller {
        author: author("Ann <a@b>"),
        ..Caller::default()
    };
    assert_eq!(fixed.author(None), Ok(author("Ann <a@b>")));
    assert_eq!(fixed.author(author("Ann<a@b>")), Ok(author("Ann <a@b>")));
    for other in ["Ann", "Bob <a@b>", "ann <a@b>"] {
        let failure = fixed.author(author(other)).unwrap_err();
        assert_eq!(
            failure,
            Failure::new(
                StatusCode::FORBIDDEN,
                "the key does not allow this author: it allows Ann <a@b>"
            )
        );
    }
    let unfixed = Caller::default();
    assert_eq!(unfixed.author(None), Ok(None));
    assert_eq!(unfixed.author(author("Bob")), Ok(author("Bob")));
}

#[tokio::test]
async fn only_the_watch_endpoint_is_a_websocket() {
    // If any path could be a WebSocket, a push request with an `Upgrade` header would need only a key that allows GET.
    let refs = "/wasmstore.git/info/refs?service=git-receive-pack";
    let request = || Request::get(refs).header("Upgrade", "websocket");
    let with_key = request().header("Wasmstore-Auth", "reader");
    assert_eq!(status(with_key).await, 403);
    let protocols = format!(
        "wasmstore.v1,{KEY_PROTOCOL_PREFIX}{}",
        BASE64_URL_SAFE_NO_PAD.encode("reader")
    );
    let with_protocol = request().header("Sec-WebSocket-Protocol", protocols);
    assert_eq!(status(with_protocol).await, 401);
    let connect = Request::connect("/")
        .extension(hyper::ext::Protocol::from_static("websocket"))
        .header("Wasmstore-Auth", "reader");
    assert_eq!(status(connect).await, 403);
}

#[tokio::test]
async fn wrong_keys_are_limited_for_each_client() {
    let app = app(Some(KEYS));
    let send = |ip: [u8; 4], key: &'static str| {
        let request = Request::get("/").extension(ClientAddress::Ip(ip.into()));
        respond(app.clone(), request.header("Wasmstore-Auth", key))
    };
    let (client, other) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    assert_eq!(send(client, "reader").await.0, 200);
    for _ in 0..3 {
        assert_eq!(send(client, "guess").await.0, 401);
    }
    for key in ["guess", "writer"] {
        let (status, body, headers) = send(client, key).await;
        let detail = "too many wrong keys came from this address; try again later";
        assert_eq!((status, body.as_str()), (429, detail));
        assert_eq!(headers["retry-after"], "20");
    }
    assert_eq!(send(client, "reader").await.0, 200);
    assert_eq!(send(other, "guess").await.0, 401);
    // A request without a key is not counted as one with a wrong key.
    for _ in 0..5 {
        let request = Request::get("/").extension(ClientAddress::Ip(other.into()));
        assert_eq!(respond(app.clone(), request).await.0, 401);
    }
    assert_eq!(send(other, "reader").await.0, 200);
}
