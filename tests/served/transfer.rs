//! Uploads and downloads of large modules, rejected uploads, and TLS.

use std::io::Write as _;
use std::process::Stdio;

use super::Twin;
use crate::support::program::{CommandOutput, World, module, without_report};
use crate::support::server::Server;
use crate::support::store::custom_section;

#[test]
fn a_large_module_is_downloaded_as_uploaded() {
    let twin = Twin::of(World::with_store("sha256"));
    let world = &twin.world;
    let large =
        custom_section((0..20_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8));
    world.file("large.wasm", &large);
    let ran = twin.served(&["add", "large.wasm", "l"]);
    assert_eq!((ran.code, without_report(&ran.err)), (Some(0), ""));
    assert_eq!(
        world.git(&["cat-file", "-s", "main:l"]),
        large.len().to_string()
    );
    let ran = twin.served(&["find", "l", "-o", "got"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(std::fs::read(world.path("got")).unwrap() == large);
    world.fsck();
}

#[test]
fn standard_input_is_uploaded_as_it_is_read() {
    let twin = Twin::of(World::with_store("sha1"));
    let url = twin.url();
    let mut add = twin.world.wasmstore(&["add", "-", "piped", "--root", &url]);
    let add = add.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = add.spawn().unwrap();
    let bytes = module(1);
    let mut stdin = child.stdin.take().unwrap();
    for byte in bytes.chunks(10) {
        stdin.write_all(byte).unwrap();
        stdin.flush().unwrap();
    }
    drop(stdin);
    let ran = CommandOutput::from(child.wait_with_output().unwrap());
    assert_eq!(
        (ran.code, ran.out),
        (Some(0), format!("{}\n", twin.world.hash(1)))
    );
}

#[test]
fn a_large_invalid_file_is_rejected_with_the_reason() {
    let twin = Twin::of(World::with_store("sha1"));
    let world = &twin.world;
    // The server rejects the upload long before its end.
    world.file("zeros", vec![0; 80_000_000]);
    let reason = "wasmstore: cannot accept /z: not WebAssembly: the magic number is missing (at offset 0x0)\n";
    let ran = twin.served(&["add", "zeros", "z"]);
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (Some(3), "", reason)
    );
    assert_eq!(twin.world.ok(&["list"]), "");
}

#[test]
fn a_large_invalid_file_among_others_is_rejected_with_the_reason() {
    let twin = Twin::of(World::with_store("sha1"));
    twin.world.file("a.wasm", module(1));
    twin.world.file("zeros", vec![0; 80_000_000]);
    let reason = "wasmstore: cannot accept zeros: not WebAssembly: the magic number is missing (at offset 0x0)\n";
    let ran = twin.served(&["add", "a.wasm", "zeros", "d/"]);
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (Some(3), "", reason)
    );
    assert_eq!(twin.world.ok(&["list"]), "");
}

#[test]
fn the_servers_size_limit_is_reported() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &["--max-module-bytes", "100"]);
    world.file("large.wasm", custom_section(vec![1; 1000]));
    let url = format!("http://{}", server.address);
    let ran = world.run(&["add", "large.wasm", "--root", &url]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert_eq!(
        ran.err,
        "wasmstore: the module is larger than 100 bytes (--max-module-bytes)\n"
    );
}

#[test]
fn the_servers_certificate_must_be_trusted_by_the_machine() {
    let world = World::with_store("sha1");
    let key_pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    world.file("key.pem", key_pair.signing_key.serialize_pem());
    world.file("cert.pem", key_pair.cert.pem());
    let server = Server::start(&world, &["--tls", "key.pem,cert.pem"]);
    let url = format!("https://localhost:{}", server.address.port());
    let run = |args: &[&str], trusted: &str| {
        let mut command = world.wasmstore(&[args, &["--root", &url]].concat());
        let command = command.env("SSL_CERT_FILE", world.path(trusted));
        CommandOutput::from(command.output().unwrap())
    };
    world.file("a.wasm", module(1));
    let ran = run(&["add", "a.wasm"], "cert.pem");
    assert_eq!((ran.code, without_report(&ran.err)), (Some(0), ""));
    let ran = run(&["list"], "cert.pem");
    assert_eq!(ran.out, format!("{}\t/a.wasm\n", world.hash(1)));
    // git trusts the same certificates.
    let repository = format!("{url}/wasmstore.git");
    let mut clone = world.wasmstore(&["--root", "copy", "clone", &repository]);
    clone.env("SSL_CERT_FILE", world.path("cert.pem"));
    let ran = CommandOutput::from(clone.output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    world.file("none.pem", "");
    let ran = run(&["list"], "none.pem");
    assert_eq!((ran.code, ran.out.as_str()), (Some(5), ""));
    assert!(ran.err.contains("certificate"), "{}", ran.err);
}

/// `openssl req -x509` makes such a certificate by default.
#[test]
fn a_servers_certificate_of_an_authority_is_explained() {
    let world = World::with_store("sha1");
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    world.file("key.pem", key.serialize_pem());
    world.file("cert.pem", params.self_signed(&key).unwrap().pem());
    let server = Server::start(&world, &["--tls", "key.pem,cert.pem"]);
    let url = format!("https://localhost:{}", server.address.port());
    let mut list = world.wasmstore(&["list", "--root", &url]);
    list.env("SSL_CERT_FILE", world.path("cert.pem"));
    let ran = CommandOutput::from(list.output().unwrap());
    let hint = "\nhint: the server has a certificate of an authority: give it one with `basicConstraints=CA:FALSE`\n";
    assert!(ran.err.ends_with(hint), "{}", ran.err);
    assert_eq!(ran.code, Some(5));
}
