//! The addresses of a server: several, Unix sockets, and the sockets of a service manager.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use crate::support::program::World;
use crate::support::server::{Response, Server, read_response};

fn get_over_unix(socket: &Path, path: &str, header: &str) -> Response {
    let mut stream = UnixStream::connect(socket).unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: store.example\r\nConnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    read_response(stream)
}

#[test]
fn server_listens_on_several_addresses() {
    let world = World::with_store("sha1");
    let socket = world.path("http.sock");
    let unix = format!("unix:{}", socket.display());
    let args = ["--listen", "127.0.0.1:0", "--listen", &unix];
    let args = [
        &args[..],
        &["--trusted-proxy", "unix", "--auth", "key:*", "--port", "1"],
    ]
    .concat();
    let server = Server::start(&world, &args);
    let key = "Authorization: Bearer key";
    let response = server.send("GET", "/api/v1/branch", &[key], b"");
    assert_eq!((response.status, response.text()), (200, "main"));
    server.wait_for(r##"client=127.0.0.1 method="GET" path="/api/v1/branch" key="#1""##);
    let headers = format!("{key}\r\nX-Forwarded-For: 192.0.2.7\r\n");
    let response = get_over_unix(&socket, "/api/v1/branches", &headers);
    assert_eq!((response.status, response.text()), (200, r#"["main"]"#));
    server.wait_for(r##"client=192.0.2.7 method="GET" path="/api/v1/branches" key="#1""##);
    // A socket in use is not replaced.
    let reason = world.fails(1, &["server", "--listen", &unix]);
    assert!(
        reason.starts_with(&format!("cannot listen on {unix}: ")),
        "{reason}"
    );
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    assert!(!socket.exists());
}

#[test]
fn a_socket_that_a_killed_server_left_is_replaced() {
    let world = World::with_store("sha1");
    let socket = world.path("http.sock");
    let unix = format!("unix:{}", socket.display());
    drop(UnixListener::bind(&socket).unwrap());
    let server = Server::start(&world, &["--listen", &unix]);
    assert_eq!(get_over_unix(&socket, "/healthz", "").text(), "ok");
    // Nobody but a proxy reaches the socket, so every host name is allowed.
    assert_eq!(get_over_unix(&socket, "/api/v1/branch", "").text(), "main");
    drop(server);
    fs::remove_file(&socket).unwrap();
    fs::write(&socket, "precious").unwrap();
    world.fails(1, &["server", "--listen", &unix]);
    assert_eq!(fs::read_to_string(&socket).unwrap(), "precious");
}

#[test]
fn sockets_of_the_service_manager_replace_the_addresses() {
    let world = World::with_store("sha1");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut command = world.command("sh");
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_wasmstore")]);
    command.args(["server", "--port", "1"]);
    command.stdin(OwnedFd::from(listener));
    let server = Server::start_command(command);
    assert_eq!(server.address, address);
    assert_eq!(server.get("/api/v1/branch").text(), "main");
}

#[test]
fn a_base_path_is_served_behind_a_proxy_that_keeps_it() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &["--base-path", "/ws/"]);
    assert_eq!(server.get("/ws/api/v1/branch").text(), "main");
    assert_eq!(server.get("/api/v1/branch").status, 404);
    let url = format!("http://{}/ws", server.address);
    assert_eq!(world.ok(&["--root", &url, "branch", "--list"]), "main\n");
    world.ok(&["--root", "copy", "clone", &format!("{url}/wasmstore.git")]);
}

#[test]
fn wrong_keys_are_limited_for_the_client_behind_a_proxy() {
    let world = World::with_store("sha1");
    let args = [
        "--auth",
        "key:*",
        "--max-wrong-keys",
        "2",
        "--trusted-proxy",
        "127.0.0.0/8",
    ];
    let server = Server::start(&world, &args);
    let get = |key: &str, client: &str| {
        let headers = [
            format!("Authorization: Bearer {key}"),
            format!("X-Forwarded-For: {client}"),
        ];
        server.send("GET", "/api/v1/branch", &[&headers[0], &headers[1]], b"")
    };
    for _ in 0..2 {
        assert_eq!(get("guess", "192.0.2.1").status, 401);
    }
    let refused = get("key", "192.0.2.1");
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(get("key", "192.0.2.2").status, 200);
}
