//! Downloads over connections that break.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Twin;
use crate::support::program::World;
use crate::support::store::custom_section;

/// The size of the module.
const MODULE_BYTES: usize = 3_000_000;
/// The part of a response that passes before the connection is cut.
const CUT_AFTER_BYTES: usize = 800_000;

/// Starts a proxy that cuts its first connection after `first` bytes of the response, and each later one after `later` bytes. Returns
/// its address and the count of connections.
fn cutting_proxy(server: SocketAddr, first: usize, later: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let is_first = counted.fetch_add(1, Ordering::Relaxed) == 0;
            let after = if is_first { first } else { later };
            pass(client, TcpStream::connect(server).unwrap(), after);
        }
    });
    (address, count)
}

/// Passes one request to the server, and the first bytes of the response back.
fn pass(mut client: TcpStream, mut server: TcpStream, after: usize) {
    let mut request = vec![0; 16_384];
    let n = client.read(&mut request).unwrap_or(0);
    server.write_all(&request[..n]).unwrap();
    let mut left = after;
    let mut piece = vec![0; 65_536];
    while left > 0 {
        let most = piece.len().min(left);
        let n = server.read(&mut piece[..most]).unwrap_or(0);
        if n == 0 || client.write_all(&piece[..n]).is_err() {
            return;
        }
        left -= n;
    }
}

/// Serves a store with a large module; returns the module too.
fn serve_large_module() -> (Twin, Vec<u8>) {
    let world = World::with_store("sha1");
    let module = custom_section((0..MODULE_BYTES).map(|n| ((n * 7919) >> 3) as u8));
    world.file("large.wasm", &module);
    world.changes(&["add", "large.wasm"]);
    (Twin::of(world), module)
}

#[test]
fn a_broken_download_is_resumed() {
    let (twin, module) = serve_large_module();
    let (address, count) = cutting_proxy(twin.server.address, CUT_AFTER_BYTES, CUT_AFTER_BYTES);
    let url = format!("http://{address}");
    let world = &twin.world;
    let ran = world.run(&["find", "large.wasm", "-o", "got.wasm", "--root", &url]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(std::fs::read(world.path("got.wasm")).unwrap() == module);
    assert_eq!(
        count.load(Ordering::Relaxed),
        module.len().div_ceil(CUT_AFTER_BYTES - 600)
    );
}

#[test]
fn a_download_that_cannot_be_resumed_fails_and_leaves_nothing() {
    let (twin, _) = serve_large_module();
    let (address, count) = cutting_proxy(twin.server.address, CUT_AFTER_BYTES, 0);
    let url = format!("http://{address}");
    let world = &twin.world;
    world.file("got.wasm", "before");
    let ran = world.run(&["find", "large.wasm", "-o", "got.wasm", "--root", &url]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(5), ""), "{}", ran.err);
    assert!(
        ran.err.starts_with(&format!("wasmstore: {url}: ")),
        "{}",
        ran.err
    );
    assert_eq!(std::fs::read(world.path("got.wasm")).unwrap(), b"before");
    assert_eq!(count.load(Ordering::Relaxed), 5);
}

#[test]
fn a_download_continues_with_the_same_module_after_a_change() {
    let (twin, module) = serve_large_module();
    let (address, _) = cutting_proxy(twin.server.address, CUT_AFTER_BYTES, CUT_AFTER_BYTES);
    let url = format!("http://{address}");
    let world = &twin.world;
    // The resumed request names the commit of the first response, so the change of the path does not matter.
    let mut find = world.wasmstore(&["find", "large.wasm", "--root", &url]);
    let mut child = find.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut got = vec![0; 1000];
    out.read_exact(&mut got).unwrap();
    world.add("large.wasm", 1);
    out.read_to_end(&mut got).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(got == module);
}
