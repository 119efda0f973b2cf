//! Notifications of the service manager, and SIGHUP, which reloads keys and certificate.

use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use crate::support::program::{World, module};
use crate::support::server::Server;

/// A time limit far above the time that any step needs.
const LONG: Duration = Duration::from_secs(30);

/// Waits until the log contains `text` `count` times.
#[track_caller]
fn wait_for(server: &Server, text: &str, count: usize) {
    let began = Instant::now();
    while server.log().matches(text).count() < count {
        assert!(began.elapsed() < LONG, "no {text:?} in {}", server.log());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn status(server: &Server, key: &str) -> u16 {
    let key = format!("Wasmstore-Auth: {key}");
    server.send("GET", "/api/v1/modules", &[&key], b"").status
}

fn watch(server: &Server, key: &str) -> WebSocket<TcpStream> {
    let url = format!("ws://{}/api/v1/watch", server.address);
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("Wasmstore-Auth", key.parse().unwrap());
    tungstenite::client(request, server.connect()).unwrap().0
}

#[test]
fn sighup_reloads_the_keys() {
    let world = World::with_store("sha1");
    let keys = world.path("keys");
    fs::write(&keys, "old-secret:*\nstays-secret:GET\n").unwrap();
    let variables = [("WASMSTORE_AUTH", "variable-secret:GET")];
    let server = Server::start_with(&world, &["--auth-file", "keys"], &variables);
    let (mut revoked, mut kept) = (watch(&server, "old-secret"), watch(&server, "stays-secret"));

    fs::write(&keys, "new-secret:*\nstays-secret:GET\n").unwrap();
    assert_eq!(
        status(&server, "new-secret"),
        401,
        "the keys change only at SIGHUP"
    );
    server.signal("HUP");
    assert_eq!(server.wait_for("reloaded the keys count="), "3");
    let answers = ["new", "old", "stays", "variable"].map(|key| {
        let key = format!("{key}-secret");
        status(&server, &key)
    });
    assert_eq!(answers, [200, 401, 200, 200]);
    let Message::Close(Some(close)) = revoked.read().unwrap() else {
        panic!("the WebSocket of a revoked key is not closed");
    };
    assert_eq!(close.code, CloseCode::from(4401));
    let key = ["Wasmstore-Auth: new-secret"];
    let put = server.send("POST", "/api/v1/module/a", &key, &module(1));
    assert_eq!(put.status, 200);
    assert!(kept.read().unwrap().into_text().unwrap().contains("/a"));

    // If the keys cannot be reloaded, the old keys stay in use, and the server never becomes open.
    for (nth, (text, wrong)) in [
        (
            Some("top-secret\n"),
            "line 1 of the keys is not KEY:METHODS",
        ),
        (
            Some("variable-secret:*"),
            "the same key is given by both --auth and --auth-file",
        ),
        (Some("# nothing\n"), "the list of keys is empty"),
        (None, "cannot read "),
    ]
    .into_iter()
    .enumerate()
    {
        match text {
            Some(text) => fs::write(&keys, text).unwrap(),
            None => fs::remove_file(&keys).unwrap(),
        }
        server.signal("HUP");
        wait_for(&server, "the old keys stay in use", nth + 1);
        assert!(server.log().contains(wrong), "{wrong}: {}", server.log());
        assert_eq!(status(&server, "new-secret"), 200);
        assert_eq!(server.get("/api/v1/modules").status, 401);
    }
    assert!(!server.log().contains("secret"), "{}", server.log());
}

#[test]
fn pipe_instead_of_a_file_does_not_block_reloads() {
    let world = World::with_store("sha1");
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    world.file("key.pem", pair.signing_key.serialize_pem());
    world.file("cert.pem", pair.cert.pem());
    world.file("keys", "old-secret:*");
    let args = ["--auth-file", "keys", "--tls", "key.pem,cert.pem"];
    let server = Server::start(&world, &args);
    for (nth, broken) in ["pipe", "large"].into_iter().enumerate() {
        for name in ["keys", "cert.pem"] {
            fs::remove_file(world.path(name)).unwrap();
            match broken {
                "pipe" => world.pipe(name),
                _ => drop(world.file(name, vec![b'#'; (1 << 20) + 1])),
            }
        }
        server.signal("HUP");
        wait_for(&server, "the old certificate stays in use", nth + 1);
        wait_for(&server, "the old keys stay in use", nth + 1);
    }
    for said in [
        "\"keys\\\": it is not a regular file",
        "cert.pem: it is not a regular file",
        "\"keys\\\": it is larger than 1048576 bytes",
        "cert.pem is not a PEM file: it is larger",
    ] {
        assert!(server.log().contains(said), "{said}: {}", server.log());
    }
    let next = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    world.file("key.pem", next.signing_key.serialize_pem());
    world.file("cert.pem", next.cert.pem());
    world.file("keys", "new-secret:*\nother-secret:*");
    server.signal("HUP");
    assert_eq!(server.wait_for("reloaded the keys count="), "2");
    wait_for(&server, "reloaded the certificate", 1);
    assert!(shows(&server, &next.cert) && !shows(&server, &pair.cert));
}

#[test]
fn open_server_needs_a_restart_to_use_keys() {
    let world = World::with_store("sha1");
    let file = world.file("wasmstore.toml", "");
    let server = Server::start(&world, &["--config", file]);
    world.file(file, "auth-file = \"keys\"");
    world.file("keys", "secret:*");
    server.signal("HUP");
    server.wait_for("the server accepts requests without a key until it is restarted");
    assert_eq!(server.get("/api/v1/modules").status, 200);
}

#[test]
fn open_server_without_tls_has_nothing_to_reload() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    server.signal("HUP");
    server.wait_for("there are neither keys nor a certificate");
    assert_eq!(server.get("/api/v1/modules").status, 200);
}

/// Returns whether the server presents this certificate.
fn shows(server: &Server, certificate: &rcgen::Certificate) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = server.connect();
    while client.is_handshaking() {
        if client.complete_io(&mut stream).is_err() {
            return false;
        }
    }
    true
}

#[test]
fn sighup_reloads_the_certificate() {
    let world = World::with_store("sha1");
    let new = || {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        world.file("key.pem", pair.signing_key.serialize_pem());
        world.file("cert.pem", pair.cert.pem());
        pair.cert
    };
    let old = new();
    let server = Server::start(&world, &["--tls", "key.pem,cert.pem"]);
    assert!(shows(&server, &old));
    let next = new();
    server.signal("HUP");
    wait_for(&server, "reloaded the certificate", 1);
    assert!(shows(&server, &next) && !shows(&server, &old));
    world.file("cert.pem", "broken");
    server.signal("HUP");
    wait_for(&server, "the old certificate stays in use", 1);
    assert!(server.log().contains("no certificate in cert.pem"));
    assert!(shows(&server, &next));
}

/// Creates two sockets of service managers, an abstract one and one in a directory, with their names for the server.
fn managers(world: &World) -> [(UnixDatagram, String); 2] {
    let path = world.path("notify");
    let name = path.to_str().unwrap().to_owned();
    // Any unique name works.
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let managers = [
        (UnixDatagram::bind_addr(&address), format!("@{name}")),
        (UnixDatagram::bind(&path), name),
    ];
    managers.map(|(socket, name)| {
        let socket = socket.unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        (socket, name)
    })
}

/// Receives the next notification, as lines.
fn receive(manager: &UnixDatagram) -> io::Result<Vec<String>> {
    let mut message = [0; 4096];
    let length = manager.recv(&mut message)?;
    let text = std::str::from_utf8(&message[..length]).unwrap();
    Ok(text.lines().map(str::to_owned).collect())
}

#[test]
fn service_manager_is_notified_of_each_state() {
    let world = World::with_store("sha1");
    world.file("keys", "secret:*");
    for (manager, name) in managers(&world) {
        let variables = [("NOTIFY_SOCKET", name.as_str())];
        let server = Server::start_with(&world, &["--auth-file", "keys"], &variables);
        let status = format!("STATUS=listening on http://{}", server.address);
        let ready = ["READY=1", &status];
        assert_eq!(receive(&manager).unwrap(), ready);
        assert_eq!(server.get("/healthz").status, 200);
        server.signal("HUP");
        let reloading = receive(&manager).unwrap();
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let usec = reloading[1].strip_prefix("MONOTONIC_USEC=").unwrap();
        let age_s = now.tv_sec - usec.parse::<i64>().unwrap() / 1_000_000;
        assert!(reloading[0] == "RELOADING=1" && (0..30).contains(&age_s));
        assert_eq!(receive(&manager).unwrap(), ready);
        world.file("keys", "broken");
        server.signal("HUP");
        assert_eq!(receive(&manager).unwrap()[0], "RELOADING=1");
        let failed = format!("{status}; the reload failed, see the log");
        assert_eq!(receive(&manager).unwrap(), ["READY=1", &failed]);
        world.file("keys", "secret:*");
        server.signal("TERM");
        assert_eq!(receive(&manager).unwrap(), ["STOPPING=1"]);
        let (code, log) = server.wait();
        assert_eq!(code, Some(0), "{log}");
        manager.set_nonblocking(true).unwrap();
        assert!(
            receive(&manager).is_err(),
            "there are no further notifications"
        );
    }
}

#[test]
fn watchdog_is_notified() {
    let world = World::with_store("sha1");
    let [(manager, name), (other, other_name)] = managers(&world);
    let watched = [("NOTIFY_SOCKET", &*name), ("WATCHDOG_USEC", "100000")];
    let _watched = Server::start_with(&world, &[], &watched);
    let elsewhere = [
        ("NOTIFY_SOCKET", &*other_name),
        ("WATCHDOG_USEC", "100000"),
        ("WATCHDOG_PID", "1"),
    ];
    let _elsewhere = Server::start_with(&world, &[], &elsewhere);
    assert_eq!(receive(&manager).unwrap()[0], "READY=1");
    for _ in 0..5 {
        assert_eq!(receive(&manager).unwrap(), ["WATCHDOG=1"]);
    }
    assert_eq!(receive(&other).unwrap()[0], "READY=1");
    other.set_nonblocking(true).unwrap();
    assert!(
        receive(&other).is_err(),
        "WATCHDOG_PID names another process"
    );
}

#[test]
fn service_manager_that_does_not_read_does_not_block_the_server() {
    let world = World::with_store("sha1");
    let [_, (manager, name)] = managers(&world);
    let other = UnixDatagram::unbound().unwrap();
    other.set_nonblocking(true).unwrap();
    while other.send_to(b"full", &name).is_ok() {}
    let began = Instant::now();
    let variables = [("NOTIFY_SOCKET", &*name), ("WATCHDOG_USEC", "200000")];
    let server = Server::start_with(&world, &[], &variables);
    assert_eq!(server.get("/healthz").status, 200);
    server.signal("HUP");
    server.wait_for("there are neither keys nor a certificate");
    wait_for(&server, "cannot notify the service manager", 3);
    // The service manager recovers, and receives the missed notification.
    let ready = loop {
        let message = receive(&manager).unwrap();
        if message[0] == "READY=1" {
            break message;
        }
    };
    assert_eq!(
        ready[1],
        format!("STATUS=listening on http://{}", server.address)
    );
    while other.send_to(b"full", &name).is_ok() {}
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(began.elapsed() < Duration::from_secs(4), "{log}");
}

#[test]
fn git_does_not_inherit_the_service_manager_variables() {
    let world = World::with_store("sha1");
    let [(_manager, name), _] = managers(&world);
    let watched = [("NOTIFY_SOCKET", &*name), ("WATCHDOG_USEC", "60000000")];
    let server = Server::start_with(&world, &[], &watched);
    // A fetch whose request is incomplete.
    let mut stream = server.connect();
    let head = "POST /wasmstore.git/git-upload-pack HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/x-git-upload-pack-request\r\nContent-Length: 1000\r\n\r\n\
                0032want";
    stream.write_all(head.as_bytes()).unwrap();
    let began = Instant::now();
    let git = loop {
        if let [git] = server.git_processes()[..] {
            break git;
        }
        assert!(began.elapsed() < LONG, "no git runs");
        std::thread::sleep(Duration::from_millis(5));
    };
    let environment = fs::read(format!("/proc/{git}/environ")).unwrap();
    let environment = String::from_utf8(environment).unwrap();
    assert!(environment.contains("GIT_DIR="), "{environment}");
    assert!(!environment.contains("NOTIFY") && !environment.contains("WATCHDOG"));
}

#[test]
fn replica_that_waits_for_its_primary_reports_its_status() {
    let world = World::empty();
    let [(manager, name), _] = managers(&world);
    let args = [
        "server",
        "--port",
        "0",
        "--replica-of",
        "http://127.0.0.1:9",
    ];
    let mut command = world.wasmstore(&args);
    let command = command.env("NOTIFY_SOCKET", name).stderr(Stdio::null());
    let mut replica = command.spawn().unwrap();
    let waits = "STATUS=waiting for the primary http://127.0.0.1:9";
    let message = receive(&manager);
    // SIGHUP does not end the waiting server.
    let pid = rustix::process::Pid::from_child(&replica);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let ended = replica.try_wait().unwrap();
    replica.kill().unwrap();
    replica.wait().unwrap();
    assert_eq!(message.unwrap(), [waits]);
    assert_eq!(ended, None);
}
