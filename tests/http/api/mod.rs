//! The HTTP API without sockets: requests go straight to the router, and stock git checks the results.

mod admin;
mod auth;
mod branches;
mod clients;
mod conditional;
mod diff;
mod errors;
mod facts;
mod hashes;
mod head;
mod headers;
mod history;
mod large;
mod listing;
mod merge;
mod modules;
mod names;
mod openapi;
mod origins;
mod path_conditions;
mod path_log;
mod put_modules;
mod random;
mod ranges;
mod relocation;
mod removal;
mod revisions;
mod rollback;
mod routing;
mod search;
mod tags;
mod upload;
mod uploads;
mod versions;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use wasmstore::config::Options;
use wasmstore::http::{Keys, ServerOptions, router};
use wasmstore::oci::keep_records;
use wasmstore::store::{ObjectFormat, Store};

use crate::support::store::Scratch;

const HOST: &str = "127.0.0.1:6384";
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 6384);

/// A scratch store, and a router for a second handle to the same store.
pub struct Api {
    scratch: Scratch,
    router: Router,
    runtime: Runtime,
}

impl Deref for Api {
    type Target = Scratch;

    fn deref(&self) -> &Scratch {
        &self.scratch
    }
}

impl Api {
    pub fn new() -> Self {
        Self::with_format(ObjectFormat::Sha1)
    }

    pub fn with_format(format: ObjectFormat) -> Self {
        let scratch = Scratch::with_format(format);
        Self::on(scratch, ServerOptions::default(), Options::default())
    }

    pub fn with_options(server_options: ServerOptions, options: Options) -> Self {
        Self::on(Scratch::new(), server_options, options)
    }

    pub fn with_keys(keys: &str) -> Self {
        let keys = Some(Keys::parse_file(keys).unwrap().into());
        let server_options = ServerOptions {
            keys,
            ..ServerOptions::default()
        };
        Self::with_options(server_options, Options::default())
    }

    fn on(scratch: Scratch, server_options: ServerOptions, options: Options) -> Self {
        let router = serve(&scratch.root, server_options, options);
        let runtime = tokio::runtime::Builder::new_current_thread();
        Self {
            scratch,
            router,
            runtime: { runtime }.enable_all().build().unwrap(),
        }
    }

    pub fn send(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> TestResponse {
        let mut request = Request::builder().method(method).uri(uri);
        request = request.header("Host", HOST);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send_request(request.body(body.into()).unwrap())
    }

    pub fn send_request(&self, request: Request<Body>) -> TestResponse {
        self.runtime.block_on(respond(self.router.clone(), request))
    }

    pub fn get(&self, path: &str) -> TestResponse {
        self.send("GET", &api(path), &[], "")
    }

    pub fn post(&self, path: &str, body: impl Into<Body>) -> TestResponse {
        self.send("POST", &api(path), &[], body)
    }

    pub fn delete(&self, path: &str) -> TestResponse {
        self.send("DELETE", &api(path), &[], "")
    }

    /// Sends a request with headers and without a body.
    pub fn send_empty(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> TestResponse {
        self.send(method, &api(path), headers, "")
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> TestResponse {
        self.send("GET", &api(path), headers, "")
    }

    /// Returns the blob id that stock git computes for these bytes.
    pub fn hash_of(&self, bytes: &[u8]) -> String {
        let file = self.root.parent().unwrap().join("bytes");
        std::fs::write(&file, bytes).unwrap();
        let hash = self.git(&["hash-object", "--no-filters", file.to_str().unwrap()]);
        hash.trim().to_owned()
    }

    /// Returns the id that stock git resolves a revision to.
    pub fn rev(&self, revision: &str) -> String {
        self.git(&["rev-parse", "--verify", revision])
            .trim()
            .to_owned()
    }

    /// Returns the subjects of the default branch's commits, newest first.
    pub fn subjects(&self) -> Vec<String> {
        let log = self.git(&["log", "--format=%s"]);
        log.lines().map(str::to_owned).collect()
    }

    /// Returns everything that a request could change: refs, HEAD and object counts.
    pub fn state(&self) -> [String; 3] {
        [
            self.git(&["for-each-ref"]),
            self.git(&["symbolic-ref", "HEAD"]),
            self.git(&["count-objects", "-v"]),
        ]
    }
}

pub fn serve(root: &Path, server_options: ServerOptions, options: Options) -> Router {
    let mut store = Store::open(root, options).unwrap();
    keep_records(&mut store);
    let shutdown = Default::default();
    router(Arc::new(store), server_options, &[ADDRESS.into()], shutdown)
}

/// Returns the URI of an endpoint.
pub fn api(path: &str) -> String {
    format!("/api/v1{path}")
}

pub fn digest_of(bytes: &[u8]) -> String {
    let hex = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    format!("sha256:{hex}")
}

/// A response with its whole body.
pub struct TestResponse {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl TestResponse {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn is(&self, status: u16, body: &str) -> &Self {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!((self.status, &*text), (status, body));
        self
    }

    #[track_caller]
    pub fn has(&self, name: &str, value: &str) -> &Self {
        assert_eq!(self.header(name), Some(value), "{name}");
        self
    }

    #[track_caller]
    pub fn lacks(&self, name: &str) -> &Self {
        assert_eq!(self.header(name), None, "{name}");
        self
    }
}

async fn respond(router: Router, request: Request<Body>) -> TestResponse {
    let request_line = format!("{} {}", request.method(), request.uri());
    let is_head = *request.method() == Method::HEAD;
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let response = TestResponse {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    };
    check_invariants(&request_line, is_head, &response);
    response
}

/// Checks what must hold for every response.
fn check_invariants(request_line: &str, is_head: bool, response: &TestResponse) {
    assert_eq!(
        response.header("x-content-type-options"),
        Some("nosniff"),
        "{request_line}"
    );
    assert!(
        response.headers.contains_key("x-request-id"),
        "{request_line}"
    );
    assert!(
        response.headers.contains_key("cache-control"),
        "{request_line}"
    );
    assert!(!is_head || response.body.is_empty(), "{request_line}");
    if response.status >= 400 {
        assert_eq!(
            response.header("cache-control"),
            Some("no-store"),
            "{request_line}"
        );
        assert_eq!(response.header("wasmstore-commit"), None, "{request_line}");
        let is_text = response.header("content-type") == Some("text/plain; charset=utf-8");
        let is_line = !response.text().contains(char::is_control);
        assert!(!is_text || is_line, "{request_line}: {:?}", response.text());
    }
    if response.status >= 500 {
        let internals = ["panic", "src/", "objects/", "wasmstore/"];
        assert!(
            !internals.iter().any(|word| response.text().contains(word)),
            "{request_line}"
        );
    }
}
