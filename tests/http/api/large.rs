//! Modules that are only read once memory for them is reserved.

use std::time::Duration;

use wasmstore::budget::ByteBudget;
use wasmstore::config::{CacheLimits, Options, ServerLimits};
use wasmstore::http::ServerOptions;

use super::Api;
use crate::support::store::{custom_section, module};

/// Returns a module with a custom section of 2 MiB.
fn large(byte: u8) -> Vec<u8> {
    custom_section(std::iter::repeat_n(byte, 2 << 20))
}

/// Returns a server with two large modules and memory for one.
fn server_with_little_memory() -> Api {
    let limits = ServerLimits {
        request_wait: Duration::from_millis(50),
        ..ServerLimits::default()
    };
    let server_options = ServerOptions {
        limits,
        memory: ByteBudget::new(3 << 20),
        ..ServerOptions::default()
    };
    let cache = CacheLimits {
        module_bytes_max: 0,
        ..CacheLimits::default()
    };
    let options = Options {
        cache,
        ..Options::default()
    };
    let s = Api::with_options(server_options, options);
    for (path, byte) in [("a", 1), ("b", 2)] {
        let hash = s.hash_of(&large(byte));
        s.post(&format!("/module/{path}"), large(byte))
            .is(200, &hash);
    }
    s
}

#[test]
fn responses_with_the_same_module_share_its_memory() {
    let s = server_with_little_memory();
    let busy = "the server is busy; try again";
    let (first, second) = (s.get("/module/a"), s.get("/module/a"));
    let hash = s.hash_of(&large(2));
    for path in ["/module/b", "/info/b"] {
        s.get(path).is(503, busy);
    }
    s.post(&format!("/hash/{hash}/c"), "").is(503, busy);
    assert!(first.body == large(1) && second.body == large(1));
    drop((first, second));
    assert_eq!(s.get("/info/b").json()["size"], large(2).len());
    s.post(&format!("/hash/{hash}/c"), "").is(200, &hash);
    assert!(s.get("/module/c").body == large(2));
    s.fsck();
}

#[test]
fn ranges_and_304_work_for_large_modules() {
    let s = server_with_little_memory();
    let part = s.get_with("/module/a", &[("range", "bytes=-3")]);
    assert_eq!((part.status, &part.body[..]), (206, &[1, 1, 1][..]));
    drop(part);
    let tag = format!("\"{}\"", s.hash_of(&large(2)));
    let in_use = s.get("/module/a");
    // This needs no memory, because the module is not read.
    s.get_with("/module/b", &[("if-none-match", &tag)])
        .is(304, "");
    drop(in_use);
    // There is no memory to compress the module.
    let uncompressed = s.get_with("/module/b", &[("accept-encoding", "zstd")]);
    uncompressed.lacks("content-encoding");
    assert!(uncompressed.body == large(2));
}

#[test]
fn small_responses_need_no_memory_that_modules_occupy() {
    let s = server_with_little_memory();
    let small = s.hash_of(&module(1));
    s.post("/module/c", module(1)).is(200, &small);
    let held = s.get("/module/a");
    assert!(s.get("/module/c").body == module(1));
    assert_eq!(s.get("/modules").json().as_object().unwrap().len(), 3);
    drop(held);
}

#[test]
fn upload_without_memory_for_its_section_is_refused() {
    let s = server_with_little_memory();
    let held = s.get("/module/a");
    s.post("/module/c", large(3))
        .is(503, "the server is busy; try again")
        .has("retry-after", "1");
    drop(held);
    let hash = s.hash_of(&large(3));
    s.post("/module/c", large(3)).is(200, &hash);
}
