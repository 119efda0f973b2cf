//! Modules that are too large to be read without asking.

use std::time::Duration;

use wasmstore::config::{CacheLimits, Options, ServerLimits};
use wasmstore::http::ServeOptions;

use super::Api;
use crate::support::store::custom_section;

/// A module of 2 MiB in a custom section.
fn large(byte: u8) -> Vec<u8> {
    custom_section(std::iter::repeat_n(byte, 2 << 20))
}

/// A store with two of them, and a server that has memory for one.
fn cramped() -> Api {
    let limits = ServerLimits {
        sending_bytes_max: 3 << 20,
        request_wait: Duration::from_millis(50),
        ..ServerLimits::default()
    };
    let serve_options = ServeOptions {
        limits,
        ..ServeOptions::default()
    };
    let cache = CacheLimits {
        module_bytes_max: 0,
        ..CacheLimits::default()
    };
    let options = Options {
        cache,
        ..Options::default()
    };
    let s = Api::with(serve_options, options);
    for (path, byte) in [("a", 1), ("b", 2)] {
        let hash = s.hash_of(&large(byte));
        s.post(&format!("/module/{path}"), large(byte))
            .is(200, &hash);
    }
    s
}

#[test]
fn those_who_are_sent_the_same_module_share_it_and_others_wait() {
    let s = cramped();
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
fn a_part_and_what_the_client_has_are_told_as_of_small_ones() {
    let s = cramped();
    let part = s.read("/module/a", &[("range", "bytes=-3")]);
    assert_eq!((part.status, &part.body[..]), (206, &[1, 1, 1][..]));
    drop(part);
    let tag = format!("\"{}\"", s.hash_of(&large(2)));
    let held = s.get("/module/a");
    // Nothing is read for it.
    s.read("/module/b", &[("if-none-match", &tag)]).is(304, "");
    drop(held);
    let packed = s.read("/module/b", &[("accept-encoding", "zstd")]);
    packed.has("content-encoding", "zstd");
    assert!(zstd::decode_all(&packed.body[..]).unwrap() == large(2));
}
