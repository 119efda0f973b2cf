//! Passwords in the URLs of mirrors, and the server's own keys: no process shows them to other users, and git's processes do not
//! inherit what they do not need.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use super::support::is_equal;
use crate::support::program::World;
use crate::support::server::Server;
use crate::support::waiting::eventually;

/// The password of the mirror, and the key of the server that the mirror is on.
const PASSWORD: &str = "s3cr3t";

/// The key of the server that pushes to the mirror.
const OWN_KEY: &str = "geheim";

/// What the observed processes exposed.
#[derive(Default)]
struct Observed {
    /// The numbers of git processes that were seen, by the name of the program.
    programs: Vec<String>,
    leaks: Vec<String>,
}

/// Inspects all processes whose arguments contain the address of the proxy, except those of wasmstore, whose arguments the user chose.
fn observe(address: SocketAddr, observed: &Mutex<Observed>) {
    let address = address.to_string();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let read = |name: &str| {
            let bytes = fs::read(entry.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let arguments = read("cmdline");
        let program = arguments.split('\0').next().unwrap_or_default();
        if !arguments.contains(&address) || program.ends_with("wasmstore") {
            continue;
        }
        let mut observed = observed.lock().unwrap();
        observed.programs.push(program.to_owned());
        if arguments.contains(PASSWORD) {
            observed.leaks.push(format!("arguments: {arguments:?}"));
        }
        let environment = read("environ");
        for name in ["WASMSTORE_AUTH", "WASMSTORE_KEY", OWN_KEY] {
            if environment.contains(name) {
                observed.leaks.push(format!("{name}: {arguments:?}"));
            }
        }
    }
}

/// Starts a proxy that inspects the processes before each chunk that it passes on.
fn proxy(target: SocketAddr) -> (SocketAddr, Arc<Mutex<Observed>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let observed = Arc::new(Mutex::new(Observed::default()));
    let seen = Arc::clone(&observed);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(target).unwrap();
            let pairs = [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server, client),
            ];
            for (mut from, mut to) in pairs {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || {
                    let mut chunk = vec![0; 1 << 16];
                    while let Ok(count @ 1..) = from.read(&mut chunk) {
                        observe(address, &seen);
                        if to.write_all(&chunk[..count]).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        }
    });
    (address, observed)
}

#[test]
fn passwords_are_neither_in_arguments_nor_in_the_environment_of_others() {
    let (world, other) = (World::with_store("sha1"), World::with_store("sha1"));
    let auth = format!("{PASSWORD}:*");
    let mirror = Server::start_with(&other, &[], &[("WASMSTORE_AUTH", &auth)]);
    let (address, observed) = proxy(mirror.address);
    let url = format!("http://ann:{PASSWORD}@{address}/wasmstore.git");
    world.add("a.wasm", 1);
    let added = world.run(&["mirror", "add", "--force", "m", &url]);
    assert_eq!((added.code, added.err.as_str()), (Some(0), ""), "{added:?}");
    world.ok(&["mirror", "push", "m"]);
    assert!(is_equal(&world, &other.root()));

    world.add("b.wasm", 2);
    let own = format!("{OWN_KEY}:*");
    let server = Server::start_with(&world, &[], &[("WASMSTORE_AUTH", &own)]);
    eventually("the server pushes", || is_equal(&world, &other.root()));
    drop(server);

    let clone = world.path("clone");
    let clone = clone.to_str().unwrap();
    world.ok(&["--root", clone, "clone", &url]);
    assert_eq!(world.ok(&["--root", clone, "list"]), world.ok(&["list"]));

    let observed = observed.lock().unwrap();
    let saw = |name: &str| {
        observed
            .programs
            .iter()
            .any(|program| program.contains(name))
    };
    assert!(saw("git-remote-http"), "{:?}", observed.programs);
    assert_eq!(observed.leaks, Vec::<String>::new());
}

#[test]
fn a_token_without_a_password_is_not_in_arguments() {
    let world = World::with_store("sha1");
    let target = super::support::Listener::responding(|_| {
        let challenge = "WWW-Authenticate: Basic realm=\"m\"\r\n";
        super::support::http("401 Unauthorized", challenge, b"")
    });
    let (address, observed) = proxy(target.address);
    let url = format!("http://{PASSWORD}@{address}/m.git");
    world.git(&["remote", "add", "--mirror=push", "m", &url]);
    // A credential helper of the user that knows the password of this token.
    let helper = "!f() { cat >seen; echo password=pw; }; f";
    let config = format!("[credential]\n\thelper = \"{helper}\"\n");
    world.file("gitconfig", config);
    let mut push = world.wasmstore(&["mirror", "push", "m"]);
    push.env("GIT_CONFIG_GLOBAL", world.path("gitconfig"));
    assert_eq!(push.output().unwrap().status.code(), Some(5));
    let heads = target.heads.lock().unwrap();
    // `s3cr3t:pw` in base64.
    let basic = "Basic czNjcjN0OnB3";
    assert!(heads.iter().any(|head| head.contains(basic)), "{heads:?}");
    let observed = observed.lock().unwrap();
    assert!(!observed.programs.is_empty());
    assert_eq!(observed.leaks, Vec::<String>::new());
}

#[test]
fn the_configuration_keeps_its_mode() {
    let world = World::with_store("sha1");
    let config = world.root().join("config");
    let mode = || fs::metadata(&config).unwrap().permissions().mode() & 0o7777;
    for kept in [0o600, 0o640, 0o664] {
        fs::set_permissions(&config, fs::Permissions::from_mode(kept)).unwrap();
        world.run(&["mirror", "add", "--force", "m", "http://u:pw@127.0.0.1:9/m"]);
        assert!(world.git(&["config", "remote.m.url"]).contains("u:pw@"));
        assert_eq!(format!("{:o}", mode()), format!("{kept:o}"));
        world.ok(&["mirror", "remove", "m"]);
        assert_eq!(format!("{:o}", mode()), format!("{kept:o}"));
        // The next start of a server restores a setting that the hooks need.
        world.git(&["config", "receive.autogc", "true"]);
        world.ok(&["init"]);
        assert_eq!(world.git(&["config", "receive.autogc"]), "false");
        assert_eq!(format!("{:o}", mode()), format!("{kept:o}"));
    }
}
