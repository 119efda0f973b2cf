//! Connections through the proxy that the environment names.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::support::program::{CommandOutput, World};
use crate::support::server::Server;

/// Starts a proxy that connects every client to `target`. Returns its address, and the heads of the requests.
fn proxy(target: SocketAddr) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (send, requests) = channel();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && client.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let _ = send.send(String::from_utf8(head).unwrap());
            client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
            let server = TcpStream::connect(target).unwrap();
            let ends = [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server, client),
            ];
            for (mut from, mut to) in ends {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    (address, requests)
}

fn with(world: &World, variables: &[(&str, &str)], args: &[&str]) -> CommandOutput {
    let mut command = world.wasmstore(args);
    command
        .envs(variables.iter().copied())
        .env("WASMSTORE_KEY", "k");
    command.output().unwrap().into()
}

#[test]
fn requests_and_watchers_use_the_proxy() {
    let world = World::with_store("sha1");
    let start = world.tip();
    world.add("a", 1);
    let server = Server::start(&world, &["--auth", "k:*"]);
    let (address, requests) = proxy(server.address);
    let next = || requests.recv_timeout(Duration::from_secs(30)).unwrap();
    let url = "http://store.test:6384";
    // The user and the password are escaped in the URL, and not in the header: "ann:p@ss".
    let proxy = format!("http://ann:p%40ss@{address}");
    let variable = ("HTTP_PROXY", proxy.as_str());
    let ran = with(&world, &[variable], &["list", "--root", url]);
    assert_eq!(ran.out, format!("{}\t/a\n", world.hash(1)), "{ran:?}");
    let head = next();
    assert!(
        head.starts_with("CONNECT store.test:6384 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("Proxy-Authorization: Basic YW5uOnBAc3M=\r\n"),
        "{head}"
    );
    assert!(!head.to_lowercase().contains("wasmstore-auth"), "{head}");

    let mut watch = world.wasmstore(&["watch", "--since", &start, "--root", url]);
    watch.env("all_proxy", &proxy).env("WASMSTORE_KEY", "k");
    let mut child = watch.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("/a"), "{line}");
    assert_eq!(next(), head.replace(&user_agent(&head), ""));

    let exception = ("NO_PROXY", "example.org,.test");
    let ran = with(&world, &[variable, exception], &["list", "--root", url]);
    assert_eq!(ran.code, Some(5), "there is no such host: {ran:?}");
    assert!(requests.try_recv().is_err());
}

/// Returns the lines of a request that only one of the two HTTP libraries sends.
fn user_agent(head: &str) -> String {
    let (_, rest) = head.split_once("User-Agent").unwrap();
    let (lines, _) = rest.split_once("Proxy-Authorization").unwrap();
    format!("User-Agent{lines}")
}

#[test]
fn a_proxy_that_cannot_be_used_is_named_and_loopback_needs_none() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &["--auth", "k:*"]);
    let url = format!("http://{}", server.address);
    let refusing = ("HTTP_PROXY", "http://127.0.0.1:1");
    let ran = with(&world, &[refusing], &["list", "--root", &url]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for args in [&["list"][..], &["watch"]] {
        let ran = with(
            &world,
            &[refusing],
            &[args, &["--root", "http://store.test"]].concat(),
        );
        let expected =
            "wasmstore: http://store.test: through the proxy 127.0.0.1:1: Connection refused";
        assert!(ran.err.starts_with(expected), "{ran:?}");
        assert_eq!(ran.code, Some(5));
    }
    let socks = ("ALL_PROXY", "socks5://u:geheim@127.0.0.1:1");
    let ran = with(&world, &[socks], &["list", "--root", "http://store.test"]);
    assert!(
        ran.err
            .starts_with("wasmstore: ALL_PROXY does not begin with http://"),
        "{ran:?}"
    );
    assert!(
        !ran.err.contains("geheim") && ran.code == Some(2),
        "{ran:?}"
    );
    let (address, _requests) = proxy(server.address);
    let forbidding = format!("http://{address}");
    let ran = with(
        &world,
        &[("http_proxy", &forbidding)],
        &["list", "--root", &url],
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
}
