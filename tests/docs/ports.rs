//! Free ports, which replace those on the pages.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// The ports on the pages.
pub const SHOWN: [&str; 4] = ["6384", "6385", "6386", "8080"];

static TAKEN: AtomicU32 = AtomicU32::new(0);

/// Returns a free port below the range of ephemeral ports, so that it stays free until it is used.
pub fn free() -> u16 {
    let first = std::process::id() * 61;
    loop {
        let nth = first + TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + (nth % 20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
