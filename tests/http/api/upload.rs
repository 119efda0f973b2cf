//! Request bodies: compressed, truncated, too slow, too large.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Request;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt as _, stream};
use wasmstore::config::{ModuleLimits, Options, ServerLimits};
use wasmstore::http::ServerOptions;

use super::{Api, HOST, TestResponse, api};
use crate::support::store::{custom_section, module};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd_frame(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn put(s: &Api, coding: &str, body: impl Into<Body>) -> TestResponse {
    s.send(
        "POST",
        &api("/module/a"),
        &[("content-encoding", coding)],
        body,
    )
}

/// Returns a server that accepts modules of at most this many bytes.
fn server_with_size_limit(module_bytes_max: u64) -> Api {
    let modules = ModuleLimits {
        module_bytes_max,
        ..ModuleLimits::default()
    };
    let options = Options {
        modules,
        ..Options::default()
    };
    Api::with_options(ServerOptions::default(), options)
}

fn in_chunks(bytes: Vec<u8>, size: usize) -> Body {
    let pieces: Vec<_> = bytes
        .chunks(size)
        .map(|piece| Ok::<_, Infallible>(piece.to_vec()))
        .collect();
    Body::from_stream(stream::iter(pieces))
}

#[test]
fn a_compressed_module_is_stored_uncompressed() {
    let s = Api::new();
    for (n, coding) in ["gzip", "x-gzip", "GZIP", "zstd", " ZSTD ", "identity", ""]
        .into_iter()
        .enumerate()
    {
        let plain = module(n as u32);
        let encoded = match coding.trim().to_ascii_lowercase().as_str() {
            "zstd" => zstd_frame(&plain),
            "identity" | "" => plain.clone(),
            _ => gzip(&plain),
        };
        put(&s, coding, encoded.clone()).is(200, &s.hash_of(&plain));
        assert_eq!(s.value("a"), Some(n as u32), "{coding}");
        put(&s, coding, in_chunks(encoded, 1)).is(200, &s.hash_of(&plain));
    }
    let two = [zstd_frame(&module(9)[..8]), zstd_frame(&module(9)[8..])].concat();
    put(&s, "zstd", two).is(200, &s.hash_of(&module(9)));
    let two = [gzip(&module(8)[..8]), gzip(&module(8)[8..])].concat();
    put(&s, "gzip", two).is(200, &s.hash_of(&module(8)));
    s.fsck();
}

#[test]
fn a_truncated_or_invalid_encoding_is_400_and_not_stored() {
    let s = Api::new();
    let state = s.state();
    for (coding, whole) in [("gzip", gzip(&module(1))), ("zstd", zstd_frame(&module(1)))] {
        for length in 0..whole.len() {
            let response = put(&s, coding, whole[..length].to_vec());
            assert_eq!(
                response.status,
                400,
                "{coding} {length}: {}",
                response.text()
            );
        }
        let rejection = format!("the body is not complete and valid {coding}: ");
        let response = put(&s, coding, whole[..whole.len() - 1].to_vec());
        assert!(
            response.text().starts_with(&rejection),
            "{}",
            response.text()
        );
        let response = put(&s, coding, module(1));
        assert!(
            response.text().starts_with(&rejection),
            "{}",
            response.text()
        );
        let garbage = [whole.clone(), b"garbage".to_vec()].concat();
        assert_eq!(put(&s, coding, garbage).status, 400, "{coding}");
    }
    // The decoded bytes are validated like any others.
    let response = put(&s, "gzip", gzip(b"no module"));
    assert!(
        response
            .text()
            .starts_with("cannot accept /a: not WebAssembly"),
        "{}",
        response.text()
    );
    assert_eq!(s.state(), state);
}

#[test]
fn garbage_is_400() {
    let s = Api::new();
    let state = s.state();
    let mut seed = 1_u32;
    for round in 0..60 {
        let next = |_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        let mut bytes: Vec<_> = (0..round * 7).map(next).collect();
        let (coding, magic): (_, &[u8]) = match round % 3 {
            0 => ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"),
            1 => ("zstd", b"\x28\xb5\x2f\xfd"),
            _ => ("identity", b"\0asm\x01\0\0\0"),
        };
        bytes.splice(0..0, magic.iter().copied());
        bytes.push(0xfe);
        assert_eq!(put(&s, coding, bytes).status, 400, "{coding} {round}");
    }
    assert_eq!(s.state(), state);
}

/// Returns a valid module with a custom section of this many bytes, all zero.
fn of_size(bytes: usize) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0\0".to_vec();
    let mut length = bytes + 2;
    while length >= 0x80 {
        module.push(length as u8 | 0x80);
        length >>= 7;
    }
    module.extend([length as u8, 1, b'x']);
    module.resize(module.len() + bytes, 0);
    module
}

#[test]
fn limits_count_decoded_bytes() {
    let s = server_with_size_limit(1 << 20);
    let state = s.state();
    let bomb = of_size(64 << 20);
    for (coding, encoded) in [("gzip", gzip(&bomb)), ("zstd", zstd_frame(&bomb))] {
        assert!(encoded.len() < 1 << 20);
        let response = put(&s, coding, encoded);
        assert_eq!(response.status, 413, "{coding}");
        assert_eq!(
            response.text(),
            "cannot accept /a: the module is larger than 1048576 bytes (--max-module-bytes)"
        );
    }
    assert_eq!(s.state(), state);
    put(&s, "gzip", gzip(&of_size(1 << 19))).is(200, &s.hash_of(&of_size(1 << 19)));
}

#[test]
fn a_module_above_the_size_limit_is_413() {
    let bytes = of_size(5000);
    let s = server_with_size_limit(bytes.len() as u64);
    let hash = s.hash_of(&bytes);
    s.post("/module/a", in_chunks(bytes.clone(), 999))
        .is(200, &hash);
    s.post("/module/b", bytes.clone()).is(200, &hash);
    let state = s.state();
    let larger = of_size(5001);
    for (length, body) in [
        (None, Body::from(larger.clone())),
        (None, in_chunks(larger.clone(), 1000)),
        (Some(larger.len()), Body::from(larger.clone())),
        (Some(usize::MAX), Body::empty()),
    ] {
        let length = length.map(|length| length.to_string());
        let header = length.as_deref().map(|length| ("content-length", length));
        let response = s.send("POST", &api("/module/c"), header.as_slice(), body);
        assert_eq!(response.status, 413, "{length:?}");
        let detail = format!(
            "the module is larger than {} bytes (--max-module-bytes)",
            bytes.len()
        );
        assert!(response.text().ends_with(&detail), "{}", response.text());
    }
    assert_eq!(s.state(), state);
}

#[test]
fn a_truncated_body_is_400_and_not_stored() {
    let s = Api::new();
    let state = s.state();
    let whole = module(1);
    for length in [0, 4, whole.len()] {
        let begun = Ok(Bytes::copy_from_slice(&whole[..length]));
        let cut = Err(io::Error::from(io::ErrorKind::ConnectionReset));
        let body = Body::from_stream(stream::iter([begun, cut]));
        s.post("/module/a", body)
            .is(400, "the body is truncated or malformed");
    }
    assert_eq!(s.state(), state);
    assert_eq!(
        std::fs::read_dir(s.root.join("wasmstore/tmp"))
            .unwrap()
            .count(),
        0
    );
}

fn server_with_short_timeout() -> Api {
    let limits = ServerLimits {
        body_progress_timeout: Duration::from_millis(200),
        body_progress_bytes_min: 1000,
        ..ServerLimits::default()
    };
    let server_options = ServerOptions {
        limits,
        ..ServerOptions::default()
    };
    Api::with_options(server_options, Options::default())
}

fn one_chunk_every(ms: u64, bytes: Vec<u8>, size: usize) -> Body {
    let pieces: Vec<_> = bytes.chunks(size).map(<[u8]>::to_vec).collect();
    let slow = stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok::<_, Infallible>(piece)
    });
    Body::from_stream(slow)
}

#[test]
fn a_body_that_arrives_too_slowly_is_408() {
    let s = server_with_short_timeout();
    let state = s.state();
    for body in [
        one_chunk_every(10, of_size(5000), 1),
        one_chunk_every(1000, of_size(5000), 5000),
        Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()),
    ] {
        s.post("/module/a", body)
            .is(408, "the body arrives too slowly");
    }
    assert_eq!(s.state(), state);
    // The timeout applies to progress, not to the whole body.
    let bytes = of_size(20_000);
    s.post("/module/a", one_chunk_every(40, bytes.clone(), 2000))
        .is(200, &s.hash_of(&bytes));
}

#[test]
fn a_large_module_is_stored_and_returned() {
    let s = Api::new();
    let bytes = of_size(5 << 20);
    let hash = s.hash_of(&bytes);
    s.post("/module/a", in_chunks(bytes.clone(), 70_001))
        .is(200, &hash);
    let response = s.get("/module/a");
    assert_eq!((response.status, response.body == bytes), (200, true));
    response.has("content-length", &bytes.len().to_string());
    let part = s.get_with("/module/a", &[("range", "bytes=4000000-4000009")]);
    assert_eq!((part.status, part.body.len()), (206, 10));
    s.fsck();
}

#[test]
fn an_unneeded_body_is_ignored() {
    let s = Api::new();
    s.put("a", 1);
    let request = Request::delete(api("/module/a")).header("host", HOST);
    let endless = stream::repeat_with(|| Ok::<_, Infallible>(vec![0; 1000]));
    s.send_request(request.body(Body::from_stream(endless)).unwrap())
        .is(200, "");
}

/// Returns a module of about this many random bytes, which do not compress.
fn incompressible(size: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    custom_section((0..size).map(|_| byte()))
}

#[test]
fn a_body_that_ends_at_a_chunk_boundary_is_complete() {
    let s = Api::new();
    // The server decodes chunks of 256 KiB.
    let plain = incompressible(300_000);
    for (coding, encoded) in [
        ("identity", plain.clone()),
        ("gzip", gzip(&plain)),
        ("zstd", zstd_frame(&plain)),
    ] {
        assert!(encoded.len() > 256 << 10);
        let length = encoded.len();
        for size in [length, length / 2, 256 << 10] {
            let response = put(&s, coding, in_chunks(encoded.clone(), size));
            response.is(200, &s.hash_of(&plain));
        }
        let cut = in_chunks(encoded[..256 << 10].to_vec(), 256 << 10);
        assert_eq!(put(&s, coding, cut).status, 400, "{coding}");
    }
}

#[test]
fn uploads_share_a_quota() {
    let limits = ServerLimits {
        spool_bytes_max: 200 << 10,
        ..ServerLimits::default()
    };
    let server_options = ServerOptions {
        limits,
        ..ServerOptions::default()
    };
    let s = Api::with_options(server_options, Options::default());
    let response = put(&s, "zstd", zstd_frame(&incompressible(300_000)));
    response.is(503, "the server is busy; try again");
    let small = incompressible(100_000);
    put(&s, "zstd", zstd_frame(&small)).is(200, &s.hash_of(&small));
    put(&s, "gzip", gzip(&small)).is(200, &s.hash_of(&small));
}

#[test]
fn a_body_with_another_digest_is_400_and_not_stored() {
    let s = Api::new();
    let state = s.state();
    let (bytes, encoded) = (module(1), gzip(&module(1)));
    let digest = |bytes: &[u8]| {
        let sha256 = wasmstore::wasm::sha256(bytes);
        let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, sha256);
        format!("sha-256=:{base64}:")
    };
    let put = |name, value: &str, coding, body: &[u8]| {
        let headers = [(name, value), ("content-encoding", coding)];
        s.send("POST", &api("/module/a"), &headers, body.to_vec())
    };
    for name in ["repr-digest", "content-digest"] {
        let response = put(name, &digest(b"other"), "identity", &bytes);
        assert_eq!(response.status, 400);
        assert!(response.text().contains("the sha-256 digest of the body"));
        assert_eq!(put(name, "sha-256=1", "identity", &bytes).status, 400);
        assert_eq!(put(name, &digest(&bytes), "gzip", &encoded).status, 400);
        assert_eq!(s.state(), state);
    }
    put("repr-digest", &digest(&bytes), "identity", &bytes).is(200, &s.hash_of(&bytes));
    put("content-digest", &digest(&encoded), "gzip", &encoded).is(200, &s.hash_of(&bytes));
}
