//! URLs with the wrong scheme, and addresses without one.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::support::program::{World, module};
use crate::support::server::Server;

#[test]
fn a_url_with_the_wrong_scheme_is_an_error_with_a_hint() {
    let world = World::with_store("sha1");
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    world.file("key.pem", pair.signing_key.serialize_pem());
    world.file("cert.pem", pair.cert.pem());
    let tls = Server::start(&world, &["--tls", "key.pem,cert.pem"]);
    let plain = Server::start(&world, &[]);
    for (address, scheme, other, fault) in [
        (
            tls.address,
            "http",
            "https",
            "the port speaks TLS, not plain HTTP",
        ),
        (
            plain.address,
            "https",
            "http",
            "the port speaks plain HTTP, not TLS",
        ),
    ] {
        let url = format!("{scheme}://{address}");
        for args in [&["list"][..], &["watch"], &["add", "key.pem", "a"]] {
            let ran = world.run(&[args, &["--root", &url]].concat());
            let expected =
                format!("wasmstore: {url}: {fault}\nhint: did you mean {other}://{address}?\n");
            assert_eq!((ran.code, ran.err), (Some(5), expected), "{args:?}");
        }
    }
}

/// nginx responds so to a request without TLS on a port for TLS.
#[test]
fn a_response_of_a_tls_port_gets_the_hint_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let body = "<center>The plain HTTP request was sent to HTTPS port</center>";
            let head =
                "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n";
            let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    let world = World::empty();
    let ran = world.run(&["list", "--root", &format!("http://{address}")]);
    let hint = format!("\nhint: did you mean https://{address}?\n");
    assert!(ran.err.ends_with(&hint) && ran.code == Some(5), "{ran:?}");
}

#[test]
fn an_address_without_a_scheme_creates_no_directory() {
    let world = World::empty();
    world.file("a.wasm", module(1));
    for root in ["localhost:6384", "store.example.com:6384"] {
        let expected = format!(
            "wasmstore: store location \"{root}\" has no scheme\nhint: did you mean http://{root}? \
            A directory of this name is written with ./ before \"{root}\"\n"
        );
        let ran = world.run(&["add", "a.wasm", "--root", root]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(3), expected.as_str()));
        let mut command = world.wasmstore(&["add", "a.wasm"]);
        let output = command.env("WASMSTORE_ROOT", root).output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
        let ran = world.run(&["list", "-q", "--root", root]);
        assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
        assert!(!world.path(root).exists());
    }
    fs::create_dir(world.path("localhost:6384")).unwrap();
    assert_eq!(
        world
            .run(&["add", "a.wasm", "--root", "localhost:6384"])
            .code,
        Some(0)
    );
    assert_eq!(
        world.run(&["add", "a.wasm", "--root", "./other:80"]).code,
        Some(0)
    );
}
