//! The key for a server: where it comes from, what `login` keeps, and to whom it is sent.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::support::program::{CommandOutput, World, module};
use crate::support::server::Server;

const LOGINS: &str = "../home/.config/wasmstore/logins.json";

/// Runs a command with additional variables.
fn with(world: &World, variables: &[(&str, &str)], args: &[&str]) -> CommandOutput {
    let mut command = world.wasmstore(args);
    command.envs(variables.iter().copied());
    command.output().unwrap().into()
}

/// Runs `login` with the key on standard input.
fn login(world: &World, key: &str, args: &[&str]) -> CommandOutput {
    let mut command = world.wasmstore(&[&["login"], args].concat());
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A login that fails early does not read its input.
    let _ = child.stdin.take().unwrap().write_all(key.as_bytes());
    child.wait_with_output().unwrap().into()
}

/// Starts a server that records what it receives and responds with 404; returns its address.
fn recorder() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (send, requests) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let count = stream.read(&mut request).unwrap_or_default();
            let text = String::from_utf8_lossy(&request[..count]).to_lowercase();
            let response =
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(response.as_bytes());
            if send.send(text).is_err() {
                break;
            }
        }
    });
    (address, requests)
}

#[test]
fn the_key_is_that_of_the_flag_the_variables_or_the_login_in_this_order() {
    let world = World::with_store("sha1");
    world.file(
        "keys",
        "one:*:One <m>\ntwo:*:Two <m>\nthree:*:Three <m>\nfour:*:Four <m>\n",
    );
    let server = Server::start(&world, &["--auth-file", "keys"]);
    let url = format!("http://{}", server.address);
    let expected = format!("the key for {url} is in ");
    let ran = login(&world, "four\n", &[&url]);
    assert!(
        ran.err.starts_with(&expected) && ran.code == Some(0),
        "{ran:?}"
    );
    world.file("three.key", "three\n");
    world.file("one.key", "one");
    let file = ("WASMSTORE_KEY_FILE", "three.key");
    let variable = ("WASMSTORE_KEY", "two");
    let flag = ["--key-file", "one.key"];
    for (n, variables, args, author) in [
        (1, &[][..], &[][..], "Four"),
        (2, &[file], &[], "Three"),
        (3, &[file, variable], &[], "Two"),
        (4, &[file, variable], &flag, "One"),
    ] {
        world.file("a.wasm", module(n));
        let add = [&["add", "a.wasm", "--root", &url], args].concat();
        let ran = with(&world, variables, &add);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(world.git(&["log", "-1", "--format=%an"]), author);
    }
    let warning = "\"one.key\" contains a key, and others can read it: run chmod 600";
    let list = ["list", "--root", &url, "--key-file", "one.key"];
    let ran = world.run(&list);
    assert_eq!(ran.err.matches(warning).count(), 1, "{}", ran.err);
    fs::set_permissions(world.path("one.key"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(world.run(&list).err, "");
    let wrong = with(
        &world,
        &[("WASMSTORE_KEY", "wrong")],
        &["list", "--root", &url],
    );
    let hint = format!(
        "hint: the key came from WASMSTORE_KEY; `wasmstore login {url}` saves another one\n"
    );
    assert!(
        wrong.err.ends_with(&hint) && wrong.code == Some(5),
        "{wrong:?}"
    );
    world.file("two.key", "one\ntwo\n");
    for (file, code, expected) in [
        (
            "two.key",
            2,
            "\"two.key\" contains a character that is not allowed in a key\nhint: the file has the key alone in its only line; ",
        ),
        ("none", 1, "cannot read \"none\""),
    ] {
        let ran = world.run(&["list", "--root", &url, "--key-file", file]);
        assert!(
            ran.err.contains(expected) && ran.code == Some(code),
            "{ran:?}"
        );
    }
}

#[test]
fn login_keeps_only_accepted_keys_and_never_shows_them() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &["--auth", "geheim:GET;anders:*"]);
    let url = format!("http://{}", server.address);
    let refused = login(&world, "falsch\n", &[&url]);
    assert_eq!(refused.code, Some(5), "{refused:?}");
    assert!(refused.err.contains("a valid key is needed"), "{refused:?}");
    let hint = "\nhint: the key came from the input; nothing was saved\n";
    assert!(refused.err.ends_with(hint), "{refused:?}");
    assert!(!world.path(LOGINS).exists());
    assert_eq!(login(&world, "\n", &[&url]).code, Some(2));
    assert_eq!(login(&world, "", &["ftp://a"]).code, Some(3));
    assert_eq!(world.run(&["login"]).code, Some(2));

    let ran = login(&world, "geheim\n", &[&url, "--name", "prod", "--json"]);
    assert_eq!(
        ran.out,
        format!("{{\"url\":\"{url}\",\"name\":\"prod\"}}\n"),
        "{ran:?}"
    );
    let mode = world.path(LOGINS).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(world.run(&["list", "--root", "@prod"]).code, Some(0));
    assert_eq!(
        with(&world, &[("WASMSTORE_ROOT", "@prod")], &["list"]).code,
        Some(0)
    );
    let list = world.run(&["login", "--list"]);
    assert_eq!(list.out, format!("{url}\t@prod\n"));
    let json = world.run(&["login", "--list", "--json"]);
    assert_eq!(
        json.out,
        format!("[{{\"url\":\"{url}\",\"name\":\"prod\"}}]\n")
    );
    for ran in [
        ran,
        list,
        json,
        world.run(&["list", "--root", "@prod", "-vv"]),
    ] {
        assert!(!format!("{ran:?}").contains("geheim"), "{ran:?}");
    }

    let ran = login(&world, "anders\n", &["@prod"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        world.run(&["login", "--list"]).out,
        format!("{url}\t@prod\n")
    );
    assert_eq!(login(&world, "anders\n", &["@test"]).code, Some(1));
    let ran = world.run(&["logout", "prod"]);
    let hint = "wasmstore: a directory has no key: give the URL of a server, or @NAME\nhint: did you mean @prod?\n";
    assert_eq!((ran.code, ran.err.as_str()), (Some(2), hint));
    let ran = world.run(&["logout", "other"]);
    assert_eq!((ran.code, ran.err.lines().count()), (Some(2), 1), "{ran:?}");

    fs::set_permissions(world.path(LOGINS), fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = world.run(&["list", "--root", "@prod"]);
    assert!(
        exposed.err.contains("\nhint: run `chmod 600 "),
        "{exposed:?}"
    );
    assert_eq!(exposed.code, Some(2));
    fs::set_permissions(world.path(LOGINS), fs::Permissions::from_mode(0o600)).unwrap();

    assert_eq!(world.run(&["logout", "@prod"]).code, Some(0));
    for args in [
        &["logout", &url][..],
        &["list", "--root", "@prod"],
        &["logout", "@prod"],
    ] {
        let ran = world.run(args);
        assert!(
            ran.err.starts_with("wasmstore: there is no login for "),
            "{ran:?}"
        );
        assert_eq!(ran.code, Some(1));
    }
    assert_eq!(world.run(&["login", "--list"]).out, "");
    let open = Server::start(&world, &[]);
    let url = format!("http://{}", open.address);
    let ran = login(&world, "any", &[&url]);
    assert!(
        ran.err
            .ends_with(&format!("{url} accepts requests without a key, too\n")),
        "{ran:?}"
    );
}

#[test]
fn the_key_of_a_login_is_sent_to_no_other_server() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &["--auth", "geheim:*"]);
    let url = format!("http://{}", server.address);
    assert_eq!(login(&world, "geheim", &[&url]).code, Some(0));
    let (other, requests) = recorder();
    for root in [format!("http://{other}"), format!("http://{other}/x")] {
        assert_ne!(world.run(&["list", "--root", &root]).code, Some(0));
        let request = requests.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(
            request.starts_with("get /") && !request.contains("geheim"),
            "{request}"
        );
    }
    let below = format!("{url}/below");
    let ran = world.run(&["list", "--root", &below]);
    assert!(ran.err.contains("a valid key is needed"), "{ran:?}");
}

#[test]
fn a_clone_of_a_server_uses_its_key() {
    let world = World::with_store("sha1");
    world.add("a", 1);
    let server = Server::start(&world, &["--auth", "geheim:GET"]);
    let url = format!("http://{}", server.address);
    let git = format!("{url}/wasmstore.git");
    let key = ("WASMSTORE_KEY", "geheim");
    let needed = format!("wasmstore: {url}: a valid key is needed\nhint: ");
    let wrong = ("WASMSTORE_KEY", "falsch");
    for (variables, hint) in [
        (&[][..], "set WASMSTORE_KEY to a key of the server"),
        (&[wrong], "the key came from WASMSTORE_KEY;"),
    ] {
        let ran = with(&world, variables, &["clone", &git, "--root", "no"]);
        assert_eq!(ran.code, Some(5), "{ran:?}");
        assert!(ran.err.starts_with(&format!("{needed}{hint}")), "{ran:?}");
    }
    for variables in [&[][..], &[key]] {
        let ran = with(&world, variables, &["clone", &url, "--root", "no"]);
        let hint = format!("\nhint: if this is a wasmstore server, its repository is {git}\n");
        assert!(ran.code == Some(5) && ran.err.ends_with(&hint), "{ran:?}");
    }
    let ran = with(&world, &[key], &["clone", &git, "--root", "one"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = world.run(&["clone", "@prod", "--root", "no"]);
    assert!(ran.err.contains("there is no login for @prod"), "{ran:?}");
    let ran = login(&world, "geheim", &[&url, "--name", "prod"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = with(&world, &[], &["clone", "@prod", "--root", "three"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = with(&world, &[], &["clone", &git, "--root", "two"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for copy in ["one", "two", "three"] {
        let listed = world.run(&["list", "--root", copy]).out;
        assert_eq!(listed, format!("{}\t/a\n", world.hash(1)));
        let config = fs::read_to_string(world.path(copy).join("config")).unwrap();
        assert!(!config.contains("geheim"), "{config}");
    }

    let (other, requests) = recorder();
    let (own, foreign) = (
        format!("http://{other}/wasmstore.git"),
        format!("http://{other}/m.git"),
    );
    let root = ("WASMSTORE_ROOT", url.as_str());
    let of_other = format!("http://{other}");
    let same = ("WASMSTORE_ROOT", of_other.as_str());
    for (variables, url, is_sent) in [
        (&[key][..], &own, true),
        (&[key, same], &own, true),
        (&[key, root], &own, false),
        (&[key], &foreign, false),
    ] {
        let ran = with(&world, variables, &["clone", url, "--root", "no"]);
        assert_ne!(ran.code, Some(0), "{ran:?}");
        let request = requests.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(
            request.contains("geheim"),
            is_sent,
            "{variables:?} {request}"
        );
        assert!(!ran.err.contains("geheim"), "{ran:?}");
    }
    world.file("key", "geheim");
    let ran = world.run(&["clone", &foreign, "--root", "no", "--key-file", "key"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn logins_at_the_same_moment_are_both_kept() {
    let world = World::with_store("sha1");
    world.file("keys", "one:*\n");
    world.file("key", "one");
    let server = Server::start(&world, &["--auth-file", "keys"]);
    let port = server.address.port();
    let urls = ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{port}"));
    let spawn = |url: &String| {
        let mut command = world.wasmstore(&["login", url, "--key-file", "key"]);
        command.stderr(Stdio::null()).spawn().unwrap()
    };
    let running: Vec<_> = urls.iter().map(spawn).collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(world.ok(&["login", "--list"]).lines().count(), 2);
}

#[test]
fn the_url_of_a_page_gets_a_hint_from_a_server_with_keys_too() {
    let world = World::with_store("sha1");
    world.file("keys", "k:*\n");
    let server = Server::start(&world, &["--auth-file", "keys"]);
    let url = format!("http://{}", server.address);
    for path in ["/ui", "/ui/modules", "/api/v1/branch"] {
        let page = format!("{url}{path}");
        let ran = world.run(&["list", "--root", &page]);
        let expected = format!(
            "hint: did you mean {url}? Otherwise, set WASMSTORE_KEY to a key of the server, or save one with `wasmstore login {page}`"
        );
        assert_eq!(ran.code, Some(5), "{ran:?}");
        assert_eq!(ran.err.lines().nth(1), Some(&*expected));
    }
}

#[test]
fn a_saved_login_can_have_any_url() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    let server = format!("http://{}", server.address);
    let urls = [
        "https://mods.example/tools.git",
        "https://mods.example/api/v1",
    ];
    let logins = urls.map(|url| format!(r#"{{"url":"{url}","key":"k"}}"#));
    world.file(LOGINS, format!(r#"{{"logins":[{}]}}"#, logins.join(",")));
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(world.path(LOGINS), private).unwrap();
    world.ok(&["list", "--root", &server]);
    assert_eq!(world.ok(&["login", "--list"]), urls.join("\n") + "\n");
    for url in urls {
        let ran = login(&world, "k", &[url]);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        world.ok(&["logout", url]);
    }
    assert_eq!(world.ok(&["login", "--list"]), "");
}

#[test]
fn a_key_for_writes_is_enough_for_a_precondition() {
    let world = World::with_store("sha256");
    let (one, two) = (world.add("a.wasm", 1), world.hash(2));
    world.file("keys", "writer:POST\n");
    let server = Server::start(&world, &["--auth-file", "keys"]);
    let url = format!("http://{}", server.address);
    world.file("n.wasm", module(3));
    let add = |hash: &str| {
        let args = [
            "add",
            "n.wasm",
            "a.wasm",
            "--if-match",
            hash,
            "--root",
            &url,
        ];
        with(&world, &[("WASMSTORE_KEY", "writer")], &args)
    };
    assert_eq!(add(&two).code, Some(4));
    let ran = add(&one);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // A digest has to be looked up.
    let ran = add(&format!("sha256:{one}"));
    assert_eq!(ran.code, Some(5), "{ran:?}");
}
