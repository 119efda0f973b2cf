//! Modules that are only read once memory for them is reserved.

use std::time::Duration;

use wasmstore::config::{CacheLimits, Options, ServerLimits};
use wasmstore::http::ServerOptions;

use super::Api;
use crate::support::store::custom_section;

/// Returns a module with a custom section of 2 MiB.
fn large(byte: u8) -> Vec<u8> {
    custom_section(std::iter::repeat_n(byte, 2 << 20))
}

/// Returns a server with two large modules and memory for one.
fn server_with_little_memory() -> Api {
    let limits = ServerLimits {
        sending_bytes_max: 3 << 20,
        request_wait: Duration::from_millis(50),
        ..ServerLimits::default()
    };
    let server_options = ServerOptions {
        limits,
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
    let compressed = s.get_with("/module/b", &[("accept-encoding", "zstd")]);
    compressed.has("content-encoding", "zstd");
    assert!(zstd::decode_all(&compressed.body[..]).unwrap() == large(2));
}
