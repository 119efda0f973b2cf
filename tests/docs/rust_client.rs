//! The Rust code of `docs/use.md` that does not need wasmtime.

use std::error::Error;

use sha2::{Digest, Sha256};

use crate::support::program::{World, without_report};
use crate::support::server::Server;
use crate::support::store::custom_section;

/// Downloads a module, and checks its SHA-256 digest.
fn fetch(url: &str, digest: &str) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let mut response = ureq::get(url).call()?;
    let body = response.body_mut().with_config().limit(1 << 30);
    let wasm = body.read_to_vec()?;
    let found = Sha256::digest(&wasm);
    let found: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
    if found != digest {
        return Err("the bytes are not the pinned module".into());
    }
    Ok(wasm)
}

#[test]
fn the_page_has_this_code() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/use.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, code) = include_str!("rust_client.rs")
        .split_once("\n\n/// Downloads")
        .unwrap();
    let (code, _) = code.split_once("\n}\n").unwrap();
    assert!(page.contains(&format!("/// Downloads{code}\n}}\n```\n")));
}

/// ureq limits a body to 10 MiB by default.
#[test]
fn a_large_module_is_fetched_and_another_digest_is_refused() {
    let world = World::with_store("sha1");
    let large = custom_section(std::iter::repeat_n(7, 11 << 20));
    world.file("large.wasm", &large);
    let ran = world.run(&["add", "large.wasm", "l"]);
    assert_eq!((ran.code, without_report(&ran.err)), (Some(0), ""));
    let server = Server::start(&world, &[]);
    let url = format!("http://{}/api/v1/module/l", server.address);
    let digest = Sha256::digest(&large);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(fetch(&url, &digest).unwrap() == large);
    let refused = fetch(&url, &"0".repeat(64)).unwrap_err();
    assert_eq!(refused.to_string(), "the bytes are not the pinned module");
}
