//! Names of the OCI registry are legal paths, and a manifest is either refused, or can be pulled byte for byte from a store that stays valid.

#![no_main]

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use arbitrary::Arbitrary;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use wasmstore::http::{ServerOptions, router};
use wasmstore::names::{ManifestRef, ModulePath, OciDigest, OciTag, RepositoryName};
use wasmstore::store::{DerivedFaults, Store, sha256};
use wasmstore_fuzz::{EMPTY_MODULE, Scratch};

/// The methods of requests without a body.
const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "DELETE"];
/// The media types of manifests.
const TYPES: [&str; 3] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// The store is verified after this number of pushes.
const VERIFY_EVERY: u64 = 64;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// Any request to a path below `/v2/`.
    Request { method: u8, path: &'a str },
    /// Any bytes as a manifest of any type.
    Manifest {
        media_type: u8,
        tag: Option<&'a str>,
        bytes: &'a [u8],
    },
    /// A manifest of descriptors that exist, or not.
    Layers {
        media_type: u8,
        tag: &'a str,
        layers: Vec<Layer<'a>>,
        subject: bool,
    },
}

#[derive(Arbitrary, Debug)]
struct Layer<'a> {
    is_wasm: bool,
    is_there: bool,
    title: Option<&'a str>,
}

thread_local! {
    static SERVER: RefCell<Server> = RefCell::new(Server::start());
}

struct Server {
    runtime: Runtime,
    routes: Router,
    store: Arc<Store>,
    pushes: Cell<u64>,
    _scratch: tempfile::TempDir,
}

impl Server {
    /// Starts a server whose repository `a` has the blobs of a configuration and of a module.
    fn start() -> Self {
        let Scratch { store, dir } = Scratch::new();
        let store = Arc::new(store);
        let runtime = Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let token = CancellationToken::new();
        let served = Arc::clone(&store);
        let routes =
            runtime.block_on(async { router(served, ServerOptions::default(), &[], token) });
        Self {
            runtime,
            routes,
            store,
            pushes: Cell::new(0),
            _scratch: dir,
        }
    }

    fn upload(&self, bytes: &[u8]) {
        let path = format!("/v2/a/blobs/uploads/?digest={}", digest_of(bytes));
        let (status, ..) = self.send("POST", &path, "", bytes).expect("a request");
        assert_eq!(status, StatusCode::CREATED);
    }

    /// Returns the status, the headers and the body of a response; `None` if this is not a request.
    fn send(
        &self,
        method: &str,
        uri: &str,
        media_type: &str,
        body: &[u8],
    ) -> Option<(StatusCode, HeaderMap, Vec<u8>)> {
        let request = Request::builder().method(method).uri(uri);
        let request = request.header(header::HOST, "localhost");
        let request = request.header(
            header::CONTENT_TYPE,
            HeaderValue::from_str(media_type).ok()?,
        );
        let request = request.body(Body::from(body.to_vec())).ok()?;
        self.runtime.block_on(async {
            let response = self.routes.clone().oneshot(request).await.ok()?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.expect("a complete body").to_bytes();
            assert!(
                !parts.status.is_server_error(),
                "{method} {uri}: {}",
                parts.status
            );
            Some((parts.status, parts.headers, body.to_vec()))
        })
    }

    /// Puts a manifest. If it is accepted, pulls it by its digest and by its tag.
    fn put(&self, reference: &str, media_type: &str, bytes: &[u8]) {
        let path = format!("/v2/a/manifests/{reference}");
        let Some((status, ..)) = self.send("PUT", &path, media_type, bytes) else {
            return;
        };
        if status != StatusCode::CREATED {
            assert!(status.is_client_error(), "{status}");
            return;
        }
        let digest = digest_of(bytes);
        for reference in [reference, &digest] {
            let path = format!("/v2/a/manifests/{reference}");
            let (status, headers, pulled) = self.send("GET", &path, "", b"").expect("a request");
            assert_eq!(
                (status, pulled.as_slice()),
                (StatusCode::OK, bytes),
                "{reference}"
            );
            assert_eq!(headers[header::CONTENT_TYPE], media_type);
            assert_eq!(headers["docker-content-digest"], digest);
        }
        self.pushes.set(self.pushes.get() + 1);
        if self.pushes.get() % VERIFY_EVERY == 0 {
            let mut faults = Vec::new();
            let mut report = |finding| faults.push(finding);
            let checked = self
                .store
                .verify(DerivedFaults::Report, &mut report, &mut || {});
            checked.expect("a verification");
            assert!(faults.is_empty(), "{faults:?}");
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    SERVER.with_borrow(|server| match input {
        Input::Request { method, path } => {
            check_names(path);
            let method = METHODS[usize::from(method) % METHODS.len()];
            server.send(method, &format!("/v2/{path}"), "", b"");
        }
        Input::Manifest {
            media_type,
            tag,
            bytes,
        } => {
            let media_type = TYPES[usize::from(media_type) % TYPES.len()];
            let tag = tag.and_then(|tag| OciTag::parse(tag).ok());
            let reference = tag.map_or_else(|| digest_of(bytes), |tag| tag.to_string());
            server.put(&reference, media_type, bytes);
        }
        Input::Layers {
            media_type,
            tag,
            layers,
            subject,
        } => {
            let Ok(tag) = OciTag::parse(tag) else {
                return;
            };
            server.upload(b"{}");
            server.upload(EMPTY_MODULE);
            let media_type = TYPES[usize::from(media_type) % TYPES.len()];
            let manifest = manifest(media_type, &layers, subject);
            server.put(tag.as_str(), media_type, manifest.to_string().as_bytes());
        }
    });
});

fn manifest(media_type: &str, layers: &[Layer<'_>], has_subject: bool) -> serde_json::Value {
    let descriptor = |media_type: &str, bytes: &[u8]| serde_json::json!({"mediaType": media_type, "digest": digest_of(bytes), "size": bytes.len()});
    let layers = layers.iter().map(|layer| {
        let media_type = if layer.is_wasm {
            "application/wasm"
        } else {
            "text/plain"
        };
        let bytes = if layer.is_there {
            EMPTY_MODULE
        } else {
            b"missing"
        };
        let mut layer_json = descriptor(media_type, bytes);
        if let Some(title) = layer.title {
            layer_json["annotations"] =
                serde_json::json!({"org.opencontainers.image.title": title});
        }
        layer_json
    });
    let mut manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": layers.collect::<Vec<_>>(),
    });
    if has_subject {
        manifest["subject"] = descriptor(media_type, b"subject");
    }
    manifest
}

/// Checks that names that are accepted are parsed to the same names from their text, and are legal paths.
fn check_names(text: &str) {
    if let Ok(name) = RepositoryName::parse(text) {
        assert_eq!(RepositoryName::parse(name.as_str()), Ok(name.clone()));
        for path in [
            format!("{name}/_tags/x"),
            format!("{name}/_blobs/sha512/ab/cd"),
        ] {
            let path = ModulePath::parse(&path).expect("a legal path");
            assert!(path.as_str().starts_with(name.as_str()), "{path}");
        }
        assert!(
            !text
                .split('/')
                .any(|component| component.starts_with(['_', '.']))
        );
    }
    if let Ok(tag) = OciTag::parse(text) {
        assert_eq!(OciTag::parse(tag.as_str()), Ok(tag.clone()));
        assert!(!text.contains('/') && text != "." && text != "..");
    }
    if let Ok(digest) = OciDigest::parse(text) {
        assert_eq!(digest.to_string(), text);
    }
    if let Ok(reference) = ManifestRef::parse(text) {
        assert_eq!(reference.to_string(), text);
    }
}

fn digest_of(bytes: &[u8]) -> String {
    OciDigest::Sha256(sha256(bytes)).to_string()
}
