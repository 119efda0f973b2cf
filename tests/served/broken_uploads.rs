//! Uploads of large files over connections that break.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use wasmstore::config::ClientLimits;
use wasmstore::remote::{Client, Error, ModuleSource, ProxySettings, StoreOperations as _};
use wasmstore::store::Change;

use super::Twin;
use crate::support::program::{World, without_report};
use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::store::custom_section;
use crate::support::waiting::eventually;

/// The size of the module: three chunks.
const MODULE_BYTES: u32 = 20_000_000;

/// What a proxy does with a request.
#[derive(Clone, Copy)]
enum Passage {
    /// Passes it on.
    Pass,
    /// Passes this many bytes of it and of the next requests, and then cuts the connection.
    Cut(usize),
    /// Passes it on, and cuts the connection when the response begins.
    Unanswered,
    /// Sends a response, and cuts the connection.
    Respond(&'static str),
}

/// A proxy that decides what to do with each request.
struct Proxy {
    /// The server may be replaced.
    server: Arc<Mutex<SocketAddr>>,
    seen: Arc<Mutex<Vec<String>>>,
    decide: Mutex<Box<Decide>>,
}

/// Decides by the request line, and the number of requests with the same method until then, including this one.
type Decide = dyn FnMut(&str, usize) -> Passage + Send;

/// The request lines that a proxy has seen, and its URL.
struct Seen {
    lines: Arc<Mutex<Vec<String>>>,
    url: String,
}

impl Seen {
    fn count(&self, prefix: &str) -> usize {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter(|line| line.starts_with(prefix)).count()
    }
}

/// A server that a proxy may replace. Dropping this kills the server; the proxy cannot do that, because its thread never ends.
struct Replaceable(Arc<Mutex<Option<Server>>>);

impl Replaceable {
    fn start(world: &World) -> (Self, Arc<Mutex<SocketAddr>>) {
        let server = Server::start(world, &[]);
        let address = Arc::new(Mutex::new(server.address));
        (Self(Arc::new(Mutex::new(Some(server)))), address)
    }
}

impl Drop for Replaceable {
    fn drop(&mut self) {
        let mut server = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *server = None;
    }
}

/// Starts a proxy.
fn proxy(
    server: &Arc<Mutex<SocketAddr>>,
    decide: impl FnMut(&str, usize) -> Passage + Send + 'static,
) -> Seen {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Arc::new(Proxy {
        server: Arc::clone(server),
        seen: Arc::default(),
        decide: Mutex::new(Box::new(decide)),
    });
    let seen = Seen {
        lines: Arc::clone(&proxy.seen),
        url: format!("http://{}", listener.local_addr().unwrap()),
    };
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let proxy = Arc::clone(&proxy);
            thread::spawn(move || {
                proxy.pass(&client);
                let _ = client.shutdown(Shutdown::Both);
            });
        }
    });
    seen
}

impl Proxy {
    /// Passes the requests of a connection on, until a decision ends it.
    fn pass(&self, mut client: &TcpStream) -> Option<()> {
        let (mut server, mut left) = (None, usize::MAX);
        let is_muted = Arc::new(AtomicBool::new(false));
        let mut piece = vec![0; 65_536];
        loop {
            let n = client.read(&mut piece).ok().filter(|n| *n > 0)?;
            // The client waits for a response before it sends the next request, so a piece has the end of a body or the beginning of a head.
            if let Some(line) = request_line(&piece[..n]) {
                match self.decide(&line) {
                    Passage::Pass => left = usize::MAX,
                    Passage::Cut(bytes) => left = bytes,
                    Passage::Unanswered => is_muted.store(true, Ordering::SeqCst),
                    Passage::Respond(response) => {
                        return client.write_all(response.as_bytes()).ok();
                    }
                }
            }
            let server = match &mut server {
                Some(server) => server,
                None => {
                    let address = *self.server.lock().unwrap();
                    let connected = TcpStream::connect(address).ok()?;
                    let (from, to) = (connected.try_clone().ok()?, client.try_clone().ok()?);
                    let is_muted = Arc::clone(&is_muted);
                    thread::spawn(move || pass_back(from, to, &is_muted));
                    server.insert(connected)
                }
            };
            let passed = n.min(left);
            left -= passed;
            let written = server.write_all(&piece[..passed]);
            if written.is_err() || left == 0 {
                let _ = server.shutdown(Shutdown::Both);
                return None;
            }
        }
    }

    fn decide(&self, line: &str) -> Passage {
        let method = line.split(' ').next().unwrap_or_default();
        let count = {
            let mut seen = self.seen.lock().unwrap();
            seen.push(line.to_owned());
            let same = seen.iter().filter(|line| line.starts_with(method));
            same.count()
        };
        (self.decide.lock().unwrap())(line, count)
    }
}

fn pass_back(mut from: TcpStream, mut to: TcpStream, is_muted: &AtomicBool) {
    let mut piece = vec![0; 65_536];
    while let Ok(n @ 1..) = from.read(&mut piece) {
        if is_muted.load(Ordering::SeqCst) || to.write_all(&piece[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

fn request_line(piece: &[u8]) -> Option<String> {
    let methods = ["GET /", "POST /", "PUT /", "PATCH /", "DELETE /"];
    let is_head = methods
        .iter()
        .any(|method| piece.starts_with(method.as_bytes()));
    let text = String::from_utf8_lossy(piece);
    is_head.then(|| text.lines().next().unwrap_or_default().to_owned())
}

fn large_module(size: u32, seed: u32) -> Vec<u8> {
    custom_section((0..size).map(|n| ((n ^ seed).wrapping_mul(2_654_435_761) >> 24) as u8))
}

fn serve() -> (Twin, Arc<Mutex<SocketAddr>>) {
    serve_for(MODULE_BYTES)
}

/// Starts a server, and creates a module of `size` bytes next to it.
fn serve_for(size: u32) -> (Twin, Arc<Mutex<SocketAddr>>) {
    let world = World::with_store("sha1");
    world.file("large.wasm", large_module(size, 0));
    let twin = Twin::of(world);
    let address = Arc::new(Mutex::new(twin.server.address));
    (twin, address)
}

/// Adds the module through the proxy at `url`, and asserts that it is stored in one commit and that no upload is left.
#[track_caller]
fn is_added(world: &World, url: &str) {
    let commits = || {
        world
            .git(&["rev-list", "--count", "main"])
            .parse::<u32>()
            .unwrap()
    };
    let before = commits();
    let ran = world.run(&["add", "large.wasm", "--root", url]);
    assert_eq!(
        (ran.code, without_report(&ran.err)),
        (Some(0), ""),
        "{}",
        ran.err
    );
    assert!(ran.err.starts_with("committed "), "{}", ran.err);
    let file = world.path("large.wasm");
    let hash = world.git(&["hash-object", "--no-filters", file.to_str().unwrap()]);
    assert_eq!(ran.out, format!("{hash}\n"));
    assert_eq!(world.git(&["rev-parse", "main:large.wasm"]), hash);
    assert_eq!(commits(), before + 1);
    let users = std::fs::read_dir(world.root().join("wasmstore/oci/_modules"));
    for user in users.into_iter().flatten().flatten() {
        let files = std::fs::read_dir(user.path().join("_uploads"));
        assert_eq!(files.into_iter().flatten().count(), 0);
    }
}

const BEGIN: &str = "POST /api/v1/uploads?";
const STATUS: &str = "GET /api/v1/uploads/";
const WHOLE: &str = "POST /api/v1/module/";

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const UNAVAILABLE: &str =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const BAD_GATEWAY: &str =
    "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const GATEWAY_TIMEOUT: &str =
    "HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[test]
fn an_upload_that_is_cut_at_random_is_continued() {
    // Larger than the code and the buffers that the server has in memory after any upload.
    let size = 2 * MODULE_BYTES;
    let (twin, address) = serve_for(size);
    let mut random = Random::from_environment();
    // Enough passes for some progress.
    let seen = proxy(&address, move |_, _| {
        Passage::Cut(1_000_000 + random.below(7_000_000) as usize)
    });
    let before_kib = twin.server.rss_kib();
    is_added(&twin.world, &seen.url);
    assert_eq!((seen.count(BEGIN), seen.count(WHOLE)), (1, 0));
    assert!(seen.count(STATUS) > 0);
    let grown_kib = twin.server.rss_kib() - before_kib;
    assert!(grown_kib < u64::from(size) >> 10, "{grown_kib} KiB");
}

#[test]
fn a_lost_response_to_the_last_request_is_no_failure() {
    let (twin, address) = serve();
    let seen = proxy(&address, |line, count| match line.starts_with("PUT ") {
        true if count < 3 => Passage::Unanswered,
        _ => Passage::Pass,
    });
    is_added(&twin.world, &seen.url);
    assert_eq!((seen.count("PUT "), seen.count(WHOLE)), (3, 0));
}

#[test]
fn an_upload_continues_after_the_server_was_killed() {
    let world = Arc::new(World::with_store("sha256"));
    world.file("large.wasm", large_module(MODULE_BYTES, 1));
    let (server, address) = Replaceable::start(&world);
    let running = Arc::clone(&server.0);
    let (restarted, served) = (Arc::clone(&address), Arc::clone(&world));
    // It is killed between two chunks, and then before it responds to the last request.
    let seen = proxy(&address, move |line, count| {
        let is_chunk = line.starts_with("PATCH ") && count == 3;
        if is_chunk || (line.starts_with("PUT ") && count == 1) {
            let mut running = running.lock().unwrap();
            *running = None;
            let new = Server::start(&served, &[]);
            *restarted.lock().unwrap() = new.address;
            *running = Some(new);
        }
        Passage::Cut(5_000_000)
    });
    is_added(&world, &seen.url);
    assert_eq!((seen.count(BEGIN), seen.count(WHOLE)), (1, 0));
}

/// Kills a client whose first chunk has arrived and whose second one was cut. Returns the proxy, which passes all other requests on.
fn with_killed_client(twin: &Twin, address: &Arc<Mutex<SocketAddr>>) -> Seen {
    let is_killed = Arc::new(AtomicBool::new(false));
    let passes_all = Arc::clone(&is_killed);
    let seen = proxy(address, move |line, count| {
        let is_first = count == 1 && (line.starts_with("POST ") || line.starts_with("PATCH "));
        match is_first || passes_all.load(Ordering::SeqCst) {
            true => Passage::Pass,
            false => Passage::Cut(1_000_000),
        }
    });
    let args = ["add", "large.wasm", "--root", &seen.url];
    let mut client = twin.world.wasmstore(&args).spawn().unwrap();
    eventually("the second chunk is sent", || seen.count("PATCH ") == 2);
    client.kill().unwrap();
    client.wait().unwrap();
    is_killed.store(true, Ordering::SeqCst);
    seen
}

#[test]
fn an_upload_continues_after_the_client_was_killed() {
    let (twin, address) = serve();
    let seen = with_killed_client(&twin, &address);
    let sent = seen.count("PATCH ");
    is_added(&twin.world, &seen.url);
    // Two of three chunks, the first of them without the bytes that have arrived.
    assert_eq!((seen.count("PATCH ") - sent, seen.count(BEGIN)), (2, 2));
    // The upload is completed: the next one of the same bytes is a new one.
    twin.world.ok(&["remove", "large.wasm"]);
    is_added(&twin.world, &seen.url);
    assert_eq!((seen.count("PATCH ") - sent, seen.count(BEGIN)), (5, 3));
}

#[test]
fn an_upload_whose_first_bytes_were_damaged_begins_again() {
    let (twin, address) = serve();
    let seen = with_killed_client(&twin, &address);
    let users = twin.world.root().join("wasmstore/oci/_modules");
    let user = std::fs::read_dir(users).unwrap().next().unwrap().unwrap();
    let uploads = user.path().join("_uploads");
    let upload = std::fs::read_dir(uploads).unwrap().next().unwrap().unwrap();
    let mut file = File::options().write(true).open(upload.path()).unwrap();
    file.seek(SeekFrom::Start(1_000)).unwrap();
    file.write_all(b"damaged").unwrap();
    is_added(&twin.world, &seen.url);
    assert_eq!((seen.count(BEGIN), seen.count(WHOLE)), (3, 0));
}

#[test]
fn a_change_whose_response_was_lost_with_the_server_is_found() {
    let world = Arc::new(World::with_store("sha1"));
    world.file("large.wasm", large_module(MODULE_BYTES, 1));
    let (server, address) = Replaceable::start(&world);
    let running = Arc::clone(&server.0);
    let (restarted, served) = (Arc::clone(&address), Arc::clone(&world));
    let seen = proxy(&address, move |line, count| {
        if line.starts_with("PUT ") && count == 2 {
            let mut running = running.lock().unwrap();
            *running = None;
            let new = Server::start(&served, &[]);
            *restarted.lock().unwrap() = new.address;
            *running = Some(new);
        }
        match line.starts_with("PUT ") && count == 1 {
            true => Passage::Unanswered,
            false => Passage::Pass,
        }
    });
    is_added(&world, &seen.url);
    assert_eq!((seen.count("PUT "), seen.count(BEGIN)), (2, 1));
}

#[test]
fn a_server_that_fails_for_a_moment_gets_the_rest_later() {
    let (twin, address) = serve();
    let seen = proxy(&address, |line, count| {
        let is_chunk = line.starts_with("PATCH ");
        match (line.split(' ').next(), count) {
            (Some("PATCH"), 1) => Passage::Respond(UNAVAILABLE),
            (Some("GET"), 1) => Passage::Respond(BAD_GATEWAY),
            (Some("PUT"), 1) => Passage::Respond(GATEWAY_TIMEOUT),
            _ if is_chunk => Passage::Cut(9_000_000),
            _ => Passage::Pass,
        }
    });
    is_added(&twin.world, &seen.url);
    assert_eq!((seen.count(BEGIN), seen.count("PUT ")), (1, 2));
}

#[test]
fn a_lost_upload_is_begun_again_once_and_then_sent_as_a_whole() {
    for (lost, begun, whole) in [(1, 2, 0), (usize::MAX, 2, 1)] {
        let (twin, address) = serve();
        let seen = proxy(&address, move |line, count| {
            match line.starts_with("PATCH ") && count <= lost {
                true => Passage::Respond(NOT_FOUND),
                false => Passage::Pass,
            }
        });
        let ran = twin.world.run(&["add", "large.wasm", "--root", &seen.url]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert_eq!((seen.count(BEGIN), seen.count(WHOLE)), (begun, whole));
    }
}

#[test]
fn a_server_without_uploads_in_chunks_gets_the_whole_file() {
    let (twin, address) = serve();
    let seen = proxy(&address, |line, _| match line.starts_with(BEGIN) {
        true => Passage::Respond(NOT_FOUND),
        false => Passage::Pass,
    });
    is_added(&twin.world, &seen.url);
    assert_eq!((seen.count(BEGIN), seen.count(WHOLE)), (1, 1));
}

#[test]
fn a_conflict_is_reported_before_the_file_is_sent() {
    let (twin, address) = serve();
    twin.world.add("large.wasm", 1);
    let seen = proxy(&address, |_, _| Passage::Pass);
    let args = ["add", "large.wasm", "--if-absent", "--root", &seen.url];
    let ran = twin.world.run(&args);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert_eq!(seen.count("PATCH "), 0);
    is_added(&twin.world, &seen.url);
    // The same bytes are a success.
    assert_eq!(twin.world.run(&args).code, Some(0));
}

#[test]
fn an_upload_to_a_server_that_is_gone_ends() {
    let (twin, address) = serve();
    let seen = proxy(&address, |line, _| match line.starts_with(BEGIN) {
        true => Passage::Pass,
        false => Passage::Respond(""),
    });
    let limits = ClientLimits {
        upload_attempts_max: 2,
        ..ClientLimits::default()
    };
    let proxies = ProxySettings::default();
    let client = Client::new(seen.url.parse().unwrap(), None, &proxies, limits).unwrap();
    let path = twin.world.path("large.wasm");
    let (mut file, size) = (File::open(&path).unwrap(), path.metadata().unwrap().len());
    let source = ModuleSource::File(&mut file, size, None);
    let path = "large.wasm".parse().unwrap();
    let put = client.put(&Change::default(), &path, source);
    assert!(matches!(put, Err(Error::Unreachable { .. })), "{put:?}");
    assert_eq!((seen.count(STATUS), seen.count(WHOLE)), (2, 0));
    assert_eq!(twin.world.ok(&["list"]), "");
}
