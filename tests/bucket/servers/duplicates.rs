//! Writes whose response is lost or late are made at most once.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// A proxy in front of a server. It can swallow the responses.
struct Proxy {
    port: u16,
    swallows: Arc<AtomicBool>,
}

impl Proxy {
    fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            swallows: Arc::default(),
        };
        let swallows = Arc::clone(&proxy.swallows);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(server) else {
                    continue;
                };
                let copies = [client.try_clone().unwrap(), server.try_clone().unwrap()];
                let swallows = Arc::clone(&swallows);
                std::thread::spawn(move || copy(server, client, &swallows));
                let [client, server] = copies;
                std::thread::spawn(move || copy(client, server, &AtomicBool::new(false)));
            }
        });
        proxy
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, swallows: &AtomicBool) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !swallows.load(Ordering::SeqCst) && to.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// Returns how many commits undo a change.
fn rollbacks(server: &Server) -> usize {
    let messages = messages(server);
    let rollbacks = messages
        .iter()
        .filter(|message| message.starts_with("Rollback"));
    rollbacks.count()
}

#[test]
fn a_write_whose_response_is_lost_is_made_once() {
    let cluster = Cluster::new();
    let port = free_port();
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], port)));
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let one = cluster.start_on(port, Some(&url), "one", &["--bucket-poll", "600"]);
    is_ready(&one);
    for n in 1..=3 {
        put(&one, "a", n);
    }
    let two = cluster.start("two", &[]);
    proxy.swallows.store(true, Ordering::SeqCst);
    let response = post(&two, "/rollback/a", &[], b"");
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(forwarded(&two), (0.0, 1.0));
    // The first server has made the change.
    one.wait_for("path=\"/api/v1/rollback/a\"");
    assert_eq!(rollbacks(&two), 1);
    assert_eq!(get(&two, "/module/a", &[]).body, module(2));
    let tip = get(&one, "/snapshot?consistent=true", &[])
        .text()
        .to_owned();
    assert_eq!(response.header("wasmstore-commit"), Some(&*tip));
    // A precondition that the change itself made false does not refuse it.
    proxy.swallows.store(false, Ordering::SeqCst);
    put(&one, "b", 1);
    assert_eq!(get(&two, "/module/b?consistent=true", &[]).status, 200);
}

#[test]
fn a_conditional_write_whose_response_is_lost_succeeds() {
    let cluster = Cluster::new();
    let port = free_port();
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], port)));
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let one = cluster.start_on(port, Some(&url), "one", &["--bucket-poll", "600"]);
    is_ready(&one);
    put(&one, "first", 0);
    let two = cluster.start("two", &[]);
    proxy.swallows.store(true, Ordering::SeqCst);
    let response = post(&two, "/module/new", &["If-None-Match: *"], &module(1));
    assert_eq!(
        (response.status, response.text()),
        (200, &*cluster_hash(&two))
    );
    assert_eq!(
        messages(&two)
            .iter()
            .filter(|message| *message == "Import /new")
            .count(),
        1
    );
    let again = post(&two, "/module/new", &["If-None-Match: *"], &module(2));
    assert_eq!(again.status, 412);
    assert_eq!(forwarded(&two), (0.0, 1.0), "the server was left alone");
}

fn cluster_hash(server: &Server) -> String {
    get(server, "/hash/new", &[]).text().to_owned()
}

#[test]
fn a_stopped_writer_is_replaced_and_does_not_repeat_the_write_when_it_continues() {
    let cluster = Cluster::new();
    let one = cluster.start("one", &[]);
    for n in 1..=4 {
        put(&one, "a", n);
    }
    let two = cluster.start("two", &[]);
    one.signal("STOP");
    let response = post(&two, "/rollback/a", &[], b"");
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(metric(&two, "last_writer"), 1.0);
    put(&two, "b", 1);
    assert_eq!(
        forwarded(&two),
        (0.0, 1.0),
        "the second write is not sent to it"
    );
    one.signal("CONT");
    assert_eq!(get(&one, "/module/b?consistent=true", &[]).body, module(1));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(rollbacks(&two), 1);
    assert_eq!(get(&one, "/module/a?consistent=true", &[]).body, module(3));
}

#[test]
fn a_write_that_a_stopped_writer_may_have_is_forwarded_to_the_next_one_and_made_once() {
    let cluster = Cluster::new();
    let one = cluster.start("one", &[]);
    for n in 1..=4 {
        put(&one, "a", n);
    }
    let (two, three) = (cluster.start("two", &[]), cluster.start("three", &[]));
    one.signal("STOP");
    put(&two, "b", 1);
    let response = post(&three, "/rollback/a", &[], b"");
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(forwarded(&three), (1.0, 1.0));
    assert_eq!(metric(&two, "last_writer"), 1.0);
    assert_eq!(get(&three, "/module/a", &[]).body, module(3));
    // A change without effect is final too, although the stopped server may have the request.
    let response = post(&three, "/module/b", &["If-None-Match: *"], &module(2));
    assert_eq!(response.status, 412, "{}", response.text());
    one.signal("CONT");
    assert_eq!(get(&one, "/module/b?consistent=true", &[]).body, module(1));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(rollbacks(&three), 1);
    assert_eq!(get(&one, "/module/a?consistent=true", &[]).body, module(3));
}

/// Stops the last writer, sends a request that changes nothing to another server, and then changes the module so that the same request would
/// change it. Returns the module that the stopped server has after it has continued.
fn module_after_late(
    request: impl Fn(&Server) -> Response,
    before: Option<u32>,
    status: u16,
) -> Vec<u8> {
    let cluster = Cluster::new();
    let one = cluster.start("one", &[]);
    put(&one, "first", 0);
    let two = cluster.start("two", &[]);
    if let Some(before) = before {
        put(&two, "a", before);
    }
    one.signal("STOP");
    let response = request(&two);
    assert_eq!(response.status, status, "{}", response.text());
    put(&two, "a", 2);
    one.signal("CONT");
    assert_eq!(get(&one, "/module/a?consistent=true", &[]).body, module(2));
    std::thread::sleep(Duration::from_millis(500));
    get(&one, "/module/a?consistent=true", &[]).body
}

#[test]
fn a_refusal_holds_although_a_stopped_writer_gets_the_request_later() {
    let remove = |server: &Server| server.send("DELETE", "/api/v1/module/a", &[], b"");
    assert_eq!(module_after_late(remove, None, 404), module(2));
}

#[test]
fn an_upload_without_effect_has_none_when_a_stopped_writer_gets_it_later() {
    let upload = |server: &Server| post(server, "/module/a", &[], &module(1));
    assert_eq!(module_after_late(upload, Some(1), 200), module(2));
}

#[test]
fn an_upload_without_effect_fails_if_a_stopped_writer_cannot_be_kept_from_making_it() {
    let cluster = Cluster::new();
    let one = cluster.start("one", &[]);
    put(&one, "first", 0);
    let two = cluster.start("two", &[]);
    put(&two, "a", 1);
    one.signal("STOP");
    // The manifest can be read, but not be replaced.
    let lock = cluster.bucket().join(".lock");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let response = post(&two, "/module/a", &[], &module(1));
    assert_eq!(response.status, 500, "{}", response.text());
    two.wait_for("the result cannot be recorded in the bucket");
    // The client must find out whether the change was made, so it gets the reason.
    assert!(
        response
            .text()
            .contains("may have made the change; see the server log for request"),
        "{}",
        response.text()
    );
    std::fs::remove_dir(&lock).unwrap();
    let response = post(&two, "/module/a", &[], &module(1));
    assert_eq!(response.status, 200, "{}", response.text());
}

#[test]
fn a_dead_writer_is_replaced() {
    let cluster = Cluster::new();
    let one = cluster.start("one", &[]);
    put(&one, "a", 1);
    let two = cluster.start("two", &[]);
    put(&two, "a", 2);
    assert_eq!(forwarded(&two), (1.0, 0.0));
    drop(one);
    put(&two, "a", 3);
    assert_eq!(forwarded(&two), (1.0, 1.0));
    assert_eq!(metric(&two, "last_writer"), 1.0);
    assert_eq!(get(&two, "/module/a", &[]).body, module(3));
}

#[test]
fn only_servers_of_the_bucket_can_name_a_request() {
    let cluster = Cluster::new();
    let one = cluster.start("one", &[]);
    for n in 1..=4 {
        put(&one, "a", n);
    }
    let two = cluster.start("two", &[]);
    let id = format!("Wasmstore-Request-Id: {}", "ab".repeat(16));
    let since = "Wasmstore-Request-Generation: 0";
    // A client is no server: its headers do not count.
    let wrong = format!("Wasmstore-Peer-Key: {}", "0".repeat(64));
    for headers in [&[&*id, since][..], &[&*id, since, &*wrong]] {
        assert_eq!(post(&two, "/rollback/a", headers, b"").status, 200);
    }
    assert_eq!((rollbacks(&two), forwarded(&two)), (2, (2.0, 0.0)));
    // A request of a server is not forwarded again, and is made once.
    let key = format!("Wasmstore-Peer-Key: {}", cluster.peer_key());
    let mut commits = Vec::new();
    for server in [&two, &two, &one] {
        if commits.len() == 2 {
            // The first server does not know yet that it is not the last writer any more. It is too late, and leaves the rest to the sender.
            let late = post(server, "/rollback/a", &[&id, since, &key], b"");
            assert_eq!(late.status, 503, "{}", late.text());
        }
        let response = post(server, "/rollback/a", &[&id, since, &key], b"");
        assert_eq!(response.status, 200, "{}", response.text());
        commits.push(response.header("wasmstore-commit").unwrap().to_owned());
    }
    assert_eq!((&commits[1], &commits[2]), (&commits[0], &commits[0]));
    assert_eq!(
        (rollbacks(&two), forwarded(&two), forwarded(&one)),
        (3, (2.0, 0.0), (0.0, 0.0))
    );
    assert_eq!(get(&one, "/module/a", &[]).body, module(1));
    for bad in [
        "Wasmstore-Request-Id: x",
        "Wasmstore-Request-Id: abababababababababababababababag",
    ] {
        assert_eq!(
            post(&two, "/rollback/a", &[bad, since, &key], b"").status,
            400
        );
    }
    assert_eq!(post(&two, "/rollback/a", &[&id, &key], b"").status, 400);
    for server in [&one, &two] {
        assert!(!server.log().contains(&cluster.peer_key()));
    }
}
