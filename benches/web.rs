//! Measures the pages of the web UI: how long the server takes for each, and how many bytes a browser receives.
//!
//!     cargo bench --bench web -- --modules 10000
//!     cargo bench --bench web -- --modules 100000 --requests 20
//!
//! All modules are in one directory. Requests go to the router without a socket, one after the other, so a time is that of the server. Each page is
//! requested without a coding and with those that a browser accepts; a browser that has the page gets a 304. For comparison, the API lists the
//! same directory as JSON.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use wasmstore::config::Options;
use wasmstore::http::{ServerOptions, router};
use wasmstore::names::{BranchName, ModulePath, TreePath};
use wasmstore::oci::keep_records;
use wasmstore::store::{Change, ImportFilter, ObjectFormat, Revision, Store};

/// The number of files that are imported in one commit.
const FILES_PER_COMMIT: usize = 10_000;

/// The number of versions of the module whose page is measured.
const VERSIONS: usize = 30;

/// The number of branches, each with a commit of its own.
const BRANCHES: usize = 20;

/// What Chromium sends, and what an older program sends.
const BROWSER: &str = "gzip, deflate, br, zstd";
const OLDER: &str = "gzip";

/// A response, and how long it took.
struct Measured {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    ms: f64,
}

struct Bench {
    router: Router,
    runtime: Runtime,
    requests: usize,
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("nothing is measured: run `cargo bench --bench web`");
        return;
    }
    let modules = argument("--modules").unwrap_or(10_000);
    let requests = argument("--requests").unwrap_or(50);
    let directory = tempfile::tempdir().expect("create a directory for temporary files");
    let root = directory.path().join("store");
    let store = Store::open_or_create(&root, Options::default(), ObjectFormat::Sha1)
        .expect("create a store");
    add_modules(&store, directory.path(), modules);
    add_history(&store);
    drop(store);

    let mut store = Store::open(&root, Options::default()).expect("open the store");
    keep_records(&mut store);
    let options = ServerOptions {
        has_web: true,
        ..ServerOptions::default()
    };
    let address = SocketAddr::from(([127, 0, 0, 1], 6384));
    let bench = Bench {
        router: router(
            Arc::new(store),
            options,
            &[address.into()],
            Default::default(),
        ),
        runtime: Runtime::new().expect("create a runtime"),
        requests,
    };
    println!("{modules} modules in one directory, {requests} requests for each page\n");
    println!(
        "{:34} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}",
        "milliseconds, bytes", "first", "p50", "p99", "304", "plain", OLDER, "browser"
    );
    let last = modules.saturating_sub(100);
    for (name, uri) in [
        ("directory", "/ui/tree/flat?branch=main".to_owned()),
        (
            "directory, last page",
            format!("/ui/tree/flat?branch=main&start={last}"),
        ),
        ("module", "/ui/module/flat/m0.wasm?branch=main".to_owned()),
        ("history", "/ui/history?branch=main".to_owned()),
        (
            "history of the directory",
            "/ui/history/flat?branch=main".to_owned(),
        ),
        (
            "history of the module",
            "/ui/history/flat/m0.wasm?branch=main".to_owned(),
        ),
        (
            "comparison of branches",
            "/ui/compare?from=main&to=side0".to_owned(),
        ),
        ("branches", "/ui/branches".to_owned()),
        ("merge", "/ui/merge?from=side0&into=main".to_owned()),
        (
            "search by export",
            "/ui/search?branch=main&q=export:only17".to_owned(),
        ),
        (
            "search that finds all",
            "/ui/search?branch=main&q=export:run".to_owned(),
        ),
        ("status", "/ui/status".to_owned()),
        (
            "upload form",
            "/ui/upload?branch=main&directory=flat".to_owned(),
        ),
        (
            "API: list of the directory",
            "/api/v1/modules/flat".to_owned(),
        ),
    ] {
        bench.measure(name, &uri);
    }
}

/// Returns the number after an option.
fn argument(name: &str) -> Option<usize> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    let value = arguments.nth(1)?;
    Some(value.parse().expect("a number after the option"))
}

impl Bench {
    /// Measures a page, and prints a line about it.
    fn measure(&self, name: &str, uri: &str) {
        let first = self.get(uri, &[("accept-encoding", BROWSER)]);
        let mut times = Vec::new();
        for _ in 0..self.requests {
            times.push(self.get(uri, &[("accept-encoding", BROWSER)]).ms);
        }
        times.sort_by(f64::total_cmp);
        let at = |percent: usize| times[(times.len() - 1) * percent / 100];
        let tag = first.headers.get("etag").and_then(|tag| tag.to_str().ok());
        let unchanged = tag.map(|tag| self.get(uri, &[("if-none-match", tag)]));
        let unchanged = match unchanged {
            Some(response) if response.status == StatusCode::NOT_MODIFIED => {
                format!("{:.1}", response.ms)
            }
            _ => "–".to_owned(),
        };
        let plain = self.get(uri, &[]).body.len();
        let older = self.get(uri, &[("accept-encoding", OLDER)]).body.len();
        println!(
            "{name:34} {:8.1} {:8.1} {:8.1} {unchanged:>8} {plain:9} {older:9} {:9}",
            first.ms,
            at(50),
            at(99),
            first.body.len()
        );
    }

    /// Requests a page as a browser does, and reads all of it.
    fn get(&self, uri: &str, headers: &[(&str, &str)]) -> Measured {
        let mut request = Request::get(uri)
            .header("host", "127.0.0.1:6384")
            .header("accept", "text/html,*/*;q=0.8");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let started = Instant::now();
        let (status, headers, body) = self.runtime.block_on(async {
            let response = { self.router.clone().oneshot(request) }
                .await
                .expect("a response");
            let (head, body) = response.into_parts();
            let body = body.collect().await.expect("a whole response");
            (head.status, head.headers, body.to_bytes())
        });
        let ms = started.elapsed().as_secs_f64() * 1e3;
        let is_expected = [StatusCode::OK, StatusCode::NOT_MODIFIED].contains(&status);
        assert!(is_expected, "{uri}: {status}");
        Measured {
            status,
            headers,
            body,
            ms,
        }
    }
}

/// Adds the modules in commits of [`FILES_PER_COMMIT`].
fn add_modules(store: &Store, directory: &Path, modules: usize) {
    for first in (0..modules).step_by(FILES_PER_COMMIT) {
        let files = directory.join("files");
        fs::create_dir_all(files.join("flat")).expect("create a directory");
        for n in first..modules.min(first + FILES_PER_COMMIT) {
            let file = files.join(format!("flat/m{n}.wasm"));
            fs::write(file, module(n, 0)).expect("write a module");
        }
        let (change, prefix) = (Change::default(), TreePath::default());
        let filter = ImportFilter::default();
        { store.import(&change, &files, &prefix, &filter, |_, _| ()) }.expect("import the modules");
        fs::remove_dir_all(files).expect("remove the files");
    }
}

/// Adds versions of some modules on the default branch, and branches.
fn add_history(store: &Store) {
    let put = |branch: Option<&BranchName>, n: usize, version: usize| {
        let change = Change {
            branch: branch.cloned(),
            author: Some("Ann <ann@example.org>".parse().expect("an author")),
            ..Change::default()
        };
        let path: ModulePath = format!("flat/m{n}.wasm").parse().expect("a path");
        store
            .put(&change, &path, module(n, version).as_slice())
            .expect("put a module");
    };
    for n in 0..BRANCHES {
        let side: BranchName = format!("side{n}").parse().expect("the name of a branch");
        { store.create_branch(&side, &Revision::default()) }.expect("create a branch");
        put(Some(&side), n + 1, 1);
        put(None, 0, n + 1);
    }
    for version in BRANCHES..VERSIONS {
        put(None, 0, version + 1);
    }
    { store.complete_facts(&Revision::default()) }.expect("add the facts");
}

/// Returns a module with an export of its own.
fn module(n: usize, version: usize) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "env" "log" (func (param i32)))
            (func (export "run"))
            (func (export "only{n}") (result i32) (i32.const {version}))
            (@custom "description" "Module number {n}."))"#,
    );
    wat::parse_str(text).expect("a well-formed module")
}
