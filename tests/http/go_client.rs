//! The requests of the original wasmstore's Go client. Its Go module is no longer available, so the tests send the same requests,
//! with the same headers and slashes, and read the responses as it does: every status other than 200 is a failure.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use futures_util::stream;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use wasmstore::config::Options;
use wasmstore::http::{Keys, ServerOptions, router};
use wasmstore::store::{ObjectFormat, Store};

use crate::support::store::module;

const KEY: &str = "Wasmstore-Auth";
const BRANCH: &str = "Wasmstore-Branch";
const UNKNOWN: &str = "0123456789012345678901234567890123456789";

struct GoClient {
    router: Router,
    _dir: TempDir,
}

/// The type into which the client decodes a commit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommitInfo {
    hash: String,
    parents: Vec<String>,
    date: i64,
    author: String,
    message: String,
}

impl GoClient {
    fn new(keys: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        let store = Store::open_or_create(&root, Options::default(), ObjectFormat::Sha1).unwrap();
        let server_options = ServerOptions {
            keys: keys.map(|keys| Keys::parse(keys).unwrap().into()),
            ..ServerOptions::default()
        };
        let address = SocketAddr::from(([127, 0, 0, 1], 6384)).into();
        let closing = CancellationToken::new();
        Self {
            router: router(Arc::new(store), server_options, &[address], closing),
            _dir: dir,
        }
    }

    /// Returns the status, headers and body of a response.
    async fn send(
        &self,
        method: &str,
        route: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> (u16, HeaderMap, Vec<u8>) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{route}"))
            .header("Host", "127.0.0.1:6384")
            .header("User-Agent", "Go-http-client/1.1")
            .header("Accept-Encoding", "gzip");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), parts.headers, body.to_vec())
    }

    /// Returns what the client returns: the body if the status is 200, or else the status.
    async fn request(&self, method: &str, route: &str) -> Result<String, u16> {
        self.request_with(method, route, &[]).await
    }

    async fn request_with(
        &self,
        method: &str,
        route: &str,
        headers: &[(&str, &str)],
    ) -> Result<String, u16> {
        match self.send(method, route, headers, Body::empty()).await {
            (200, _, body) => Ok(String::from_utf8(body).unwrap()),
            (status, ..) => Err(status),
        }
    }

    /// Adds the module `n` as the client does: in chunks, without a `Content-Length`.
    async fn add(&self, path: &str, n: u32, headers: &[(&str, &str)]) -> Result<String, u16> {
        let bytes = module(n);
        let chunks: Vec<_> = bytes.chunks(7).map(<[u8]>::to_vec).collect();
        let body = Body::from_stream(stream::iter(chunks.into_iter().map(Ok::<_, Infallible>)));
        let route = format!("/module/{path}");
        match self.send("POST", &route, headers, body).await {
            (200, _, body) => Ok(String::from_utf8(body).unwrap()),
            (status, ..) => Err(status),
        }
    }

    async fn list(&self, path: &str) -> String {
        let list = self.request("GET", &format!("/modules/{path}")).await;
        list.unwrap()
    }
}

#[tokio::test]
async fn modules_are_added_read_set_and_removed() {
    let client = GoClient::new(None);
    assert_eq!(client.list("").await, "{}");
    let hash = client.add("lib/a.wasm", 1, &[]).await.unwrap();
    assert_eq!(hash.len(), 40);
    for name in ["lib/a.wasm", "/lib/a.wasm", &hash] {
        let route = format!("/module/{name}");
        let (status, headers, body) = client.send("GET", &route, &[], Body::empty()).await;
        assert_eq!((status, body), (200, module(1)), "{name}");
        assert_eq!(headers["wasmstore-hash"], hash.as_str());
        assert_eq!(client.request("HEAD", &route).await, Ok(String::new()));
        let found = client.request("GET", &format!("/hash/{name}")).await;
        assert_eq!(found, Ok(hash.clone()));
    }
    let set = client
        .request("POST", &format!("/hash/{hash}/b.wasm"))
        .await
        .unwrap();
    assert_eq!(set, hash);
    let listed = format!(r#"{{"/b.wasm":"{hash}","/lib/a.wasm":"{hash}"}}"#);
    assert_eq!(client.list("").await, listed);
    let below = format!(r#"{{"/lib/a.wasm":"{hash}"}}"#);
    assert_eq!(client.list("lib").await, below);
    assert!(client.request("DELETE", "/module/b.wasm").await.is_ok());
    assert_eq!(client.list("").await, below);
    for (method, route) in [
        ("GET", "/module/none"),
        ("HEAD", "/module/none"),
        ("GET", "/hash/none"),
        ("DELETE", "/module/none"),
    ] {
        assert_eq!(client.request(method, route).await, Err(404), "{method}");
    }
}

#[tokio::test]
async fn history_is_read_rolled_back_and_restored() {
    let client = GoClient::new(None);
    let (mut hashes, mut commits) = (Vec::new(), Vec::new());
    for n in 1..=3 {
        hashes.push(client.add("a.wasm", n, &[]).await.unwrap());
        commits.push(client.request("GET", "/snapshot").await.unwrap());
    }
    let current = async || client.request("GET", "/hash/a.wasm").await.unwrap();

    let pairs: Vec<_> = hashes.iter().zip(&commits).collect();
    let versions = client.request("GET", "/versions/a.wasm").await.unwrap();
    assert_eq!(versions, serde_json::to_string(&pairs).unwrap());
    let commit = client
        .request("GET", &format!("/commit/{}", commits[2]))
        .await;
    let commit: CommitInfo = serde_json::from_str(&commit.unwrap()).unwrap();
    assert_eq!(
        (&commit.hash, commit.parents),
        (&commits[2], vec![commits[1].clone()])
    );
    assert_eq!(commit.author, "wasmstore");
    assert_eq!(commit.message, "Import /a.wasm");
    assert!(commit.date > 1_700_000_000, "{}", commit.date);
    let unknown = client.request("GET", &format!("/commit/{UNKNOWN}")).await;
    assert_eq!(unknown, Err(404));

    assert!(client.request("POST", "/rollback/a.wasm").await.is_ok());
    assert_eq!(current().await, hashes[1]);
    assert!(client.request("POST", "/rollback/").await.is_ok());
    assert_eq!(current().await, hashes[0]);
    let whole = format!("/restore/{}/", commits[2]);
    assert!(client.request("POST", &whole).await.is_ok());
    assert_eq!(current().await, hashes[2]);
    let part = format!("/restore/{}/a.wasm", commits[1]);
    assert!(client.request("POST", &part).await.is_ok());
    assert_eq!(current().await, hashes[1]);

    assert!(client.request("POST", "/gc").await.is_ok());
    assert_eq!(current().await, hashes[1]);
    let tip = client.request("GET", "/snapshot").await.unwrap();
    let commit = client
        .request("GET", &format!("/commit/{tip}"))
        .await
        .unwrap();
    let commit: CommitInfo = serde_json::from_str(&commit).unwrap();
    assert!(commit.parents.is_empty(), "{commit:?}");
}

#[tokio::test]
async fn branches_are_created_merged_and_deleted() {
    let client = GoClient::new(None);
    client.add("a.wasm", 1, &[]).await.unwrap();
    assert!(client.request("POST", "/branch/feature/x").await.is_ok());
    assert_eq!(client.request("POST", "/branch/feature/x").await, Err(409));
    let branches = client.request("GET", "/branches").await;
    assert_eq!(branches.as_deref(), Ok(r#"["feature/x","main"]"#));
    let branch_header = [(BRANCH, "feature/x")];
    client.add("b.wasm", 2, &branch_header).await.unwrap();
    let list = client
        .request_with("GET", "/modules/", &branch_header)
        .await
        .unwrap();
    assert_ne!(client.list("").await, list);
    assert!(client.request("POST", "/merge/feature/x").await.is_ok());
    assert_eq!(client.list("").await, list);
    let deleted = client
        .request_with("DELETE", "/branch/feature/x", &branch_header)
        .await;
    assert!(deleted.is_ok());
    assert_eq!(client.add("c.wasm", 3, &branch_header).await, Err(404));
    assert_eq!(client.request("POST", "/merge/feature/x").await, Err(404));
    assert_eq!(client.request("DELETE", "/branch/main").await, Err(409));
}

#[tokio::test]
async fn keys_are_sent_and_checked() {
    let client = GoClient::new(Some("reader:GET;writer:*"));
    let (reader, writer) = ([(KEY, "reader")], [(KEY, "writer")]);
    assert_eq!(client.add("a.wasm", 1, &[]).await, Err(401));
    assert_eq!(client.add("a.wasm", 1, &[(KEY, "wrong")]).await, Err(401));
    assert_eq!(client.add("a.wasm", 1, &reader).await, Err(403));
    assert!(client.add("a.wasm", 1, &writer).await.is_ok());
    let read = client.request_with("HEAD", "/module/a.wasm", &reader).await;
    assert!(read.is_ok());
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE"] {
        let allowed = client.request_with(method, "/auth", &writer).await;
        assert_eq!(allowed, Ok(String::new()), "{method}");
        let is_read = matches!(method, "GET" | "HEAD");
        let allowed = client.request_with(method, "/auth", &reader).await;
        assert_eq!(allowed.is_ok(), is_read, "{method}");
        assert_eq!(client.request(method, "/auth").await, Err(401), "{method}");
    }
}
