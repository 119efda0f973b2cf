//! `completions`: what a shell offers for a word.

use std::fs;
use std::net::TcpListener;

use crate::support::program::{CommandOutput, World, module};
use crate::support::server::Server;

/// Calls the function of the script with the words of a line, as bash has them, and prints the candidates.
const BASH: &str = r#"
source completion.bash
COMP_WORDS=("$PROGRAM" "$@")
COMP_CWORD=$#
COMP_LINE="$PROGRAM $LINE"
COMP_POINT=${#COMP_LINE}
_wasmstore "$PROGRAM" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

/// Returns the candidates of bash for a line, whose words are these.
fn bash_with(world: &World, line: &str, words: &[&str]) -> Vec<String> {
    world.file("completion.bash", world.ok(&["completions", "bash"]));
    let mut bash = world.command("bash");
    bash.args(["--norc", "-c", BASH, "bash"]).args(words);
    bash.env("PROGRAM", env!("CARGO_BIN_EXE_wasmstore"))
        .env("LINE", line);
    let ran = CommandOutput::from(bash.output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{line}");
    let lines = ran.out.lines().filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// Returns the candidates of bash for a line whose words are divided at blanks only.
fn bash(world: &World, line: &str) -> Vec<String> {
    let words: Vec<_> = line.split(' ').collect();
    bash_with(world, line, &words)
}

fn stocked() -> World {
    let world = World::with_store("sha1");
    for (n, path) in [
        "math/add.wasm",
        "math/deep/x.wasm",
        "my module.wasm",
        "it's.wasm",
    ]
    .into_iter()
    .enumerate()
    {
        world.add(path, n as u32);
    }
    world.file("dash.wasm", module(9));
    world.changes(&["add", "dash.wasm", "/-dash.wasm"]);
    world.changes(&["tag", "v1", "-m", "Release 1"]);
    world.changes(&["branch", "dev"]);
    world.changes(&["remove", "math", "--recursive", "--branch", "dev"]);
    world
}

#[test]
fn bash_completes_names_of_the_store() {
    let world = stocked();
    let tip = world.tip();
    let digits = format!("show {}", &tip[..4]);
    for (line, expected) in [
        ("mer", &["merge"][..]),
        ("mirror s", &["status"]),
        ("find --comm", &["--commit"]),
        ("find ma", &["math/"]),
        ("find math/", &["math/add.wasm", "math/deep/"]),
        ("find /math/a", &["/math/add.wasm"]),
        ("list math/", &["math/deep/"]),
        ("mv math/add.wasm math/d", &["math/deep/"]),
        ("find -- -", &["-dash.wasm"]),
        ("find /-", &["/-dash.wasm"]),
        ("--branch dev find m", &["my module.wasm"]),
        ("find --commit dev m", &["my module.wasm"]),
        ("restore dev m", &["my module.wasm"]),
        ("--branch ", &["dev", "main"]),
        ("merge d", &["dev"]),
        ("branch --delete d", &["dev"]),
        ("tag --delete ", &["v1"]),
        ("show ", &["dev", "main", "v1"]),
        ("tag v2 v", &["v1"]),
        (&digits, &[&tip[..10]]),
        ("--color a", &["always", "auto"]),
        ("find nothing/", &[]),
        ("nonsense ", &[]),
        ("find --branch none ", &[]),
        ("find --branch a..b ", &[]),
        ("search m", &[]),
    ] {
        let mut found = bash(&world, line);
        found.sort();
        assert_eq!(found, expected, "{line}");
    }
    let all = bash(&world, "find ");
    let expected = ["/-dash.wasm", "it's.wasm", "math/", "my module.wasm"];
    assert_eq!(all, expected, "no option, and no name like one");
    for (line, words, expected) in [
        ("find 'my", &["find", "'my"][..], "my module.wasm"),
        (r"find my\ m", &["find", r"my\ m"], "my module.wasm"),
        ("find \"it", &["find", "\"it"], "it's.wasm"),
        ("list --branch=d", &["list", "--branch", "=", "d"], "dev"),
        ("list --branch=d", &["list", "--branch=d"], "--branch=dev"),
    ] {
        assert_eq!(bash_with(&world, line, words), [expected], "{line}");
    }
}

#[test]
fn nothing_is_offered_created_or_printed_without_a_store() {
    let world = World::empty();
    world.file("file", "");
    fs::create_dir_all(world.path("broken/refs")).unwrap();
    world.file("broken/HEAD", "garbage");
    // It accepts connections, and never responds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for root in ["missing", "file", "broken", "@nobody", "htps://x", &silent] {
        let line = format!("--root {root} find m");
        let words = ["--root", root, "find", "m"];
        assert_eq!(bash_with(&world, &line, &words), [""; 0], "{root}");
    }
    assert_eq!(bash(&world, "show "), [""; 0]);
    assert!(!world.path("missing").exists() && !world.root().exists());
}

#[test]
fn names_of_a_server_are_completed_with_the_key_of_a_login() {
    let world = stocked();
    world.file("keys", "one:*\n");
    world.file("one.key", "one");
    let server = Server::start(&world, &["--auth-file", "keys"]);
    let url = format!("http://{}", server.address);
    let login = ["login", &url, "--name", "prod", "--key-file", "one.key"];
    assert_eq!(world.run(&login).code, Some(0));
    for (line, words, expected) in [
        (
            "--root @prod find math/a",
            &["--root", "@", "prod", "find", "math/a"][..],
            &["math/add.wasm"][..],
        ),
        (
            "--root @prod find math/",
            &["--root", "@", "prod", "find", "math/"],
            &["math/add.wasm", "math/deep/"],
        ),
        (
            "--root @prod show ",
            &["--root", "@", "prod", "show", ""],
            &["dev", "main", "v1"],
        ),
        ("--root @p", &["--root", "@", "p"], &["prod"]),
        ("logout @", &["logout", "@"], &["prod"]),
    ] {
        assert_eq!(bash_with(&world, line, words), expected, "{line}");
    }
}

#[test]
fn zsh_and_fish_get_descriptions() {
    let world = stocked();
    for shell in ["zsh", "fish"] {
        let ran = world.ok(&["complete", shell, "", "--", "wasmstore", "show", "v"]);
        assert_eq!(ran, "\nv1\tRelease 1\n");
        let ran = world.ok(&["complete", shell, "", "--", "wasmstore", "add", "x", "ma"]);
        assert_eq!(ran, "paths files\nmath/\t\n");
        check_syntax(&world, shell);
    }
}

/// Lets the shell parse its script, if it is installed.
fn check_syntax(world: &World, shell: &str) {
    let name = format!("completion.{shell}");
    world.file(&name, world.ok(&["completions", shell]));
    match world.command(shell).arg("-n").arg(&name).output() {
        Ok(output) => {
            let ran = CommandOutput::from(output);
            assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{shell}");
        }
        Err(_) => eprintln!("{shell} is not installed: its script is not checked"),
    }
}
