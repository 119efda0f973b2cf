//! `add --digest`: stores a file only if it has the expected digest.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::program::{CommandOutput, World, module};

/// Returns the digest of a file in the working directory, as `sha256sum` prints it.
fn sha256sum(world: &World, file: &str) -> String {
    let output = world.command("sha256sum").arg(file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().unwrap().to_owned()
}

fn piped(mut command: Command, bytes: &[u8]) -> CommandOutput {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn only_a_file_with_the_digest_is_stored() {
    for world in World::each() {
        world.file("a.wasm", module(1));
        world.file("b.wasm", module(2));
        let (one, two) = (sha256sum(&world, "a.wasm"), sha256sum(&world, "b.wasm"));
        let other =
            format!("the digest of b.wasm is sha256:{two}, not sha256:{one}: nothing was stored");
        for args in [
            &["add", "b.wasm", "--digest", &one][..],
            &[
                "add",
                "b.wasm",
                "--digest",
                &format!("sha256:{one}"),
                "-m",
                "x",
            ],
            &["add", "b.wasm", "--digest", &one, "--dry-run"],
            &["add", "b.wasm", "c", "--digest", &one, "--if-absent"],
        ] {
            assert_eq!(world.fails(3, args), other, "{args:?}");
        }
        let hash = world.changes(&["add", "a.wasm", "--digest", &format!("SHA256:{one}")]);
        assert_eq!(hash.trim(), world.hash(1));
        world.changes(&["add", "b.wasm", "--digest", &two.to_uppercase()]);
        world.ok(&["add", "b.wasm", "--digest", &two, "--dry-run"]);
        for args in [
            &["add", "a.wasm", "b.wasm", "d/", "--digest", &one][..],
            &["add", "a.wasm", "d/", "--digest", &one, "--dry-run"],
        ] {
            let error = world.fails(2, args);
            assert!(
                error.starts_with("--digest works only with one FILE"),
                "{error}"
            );
        }
        let malformed = world.run(&["add", "a.wasm", "--digest", "sha256:12"]);
        assert_eq!(
            (malformed.code, malformed.out.as_str()),
            (Some(3), ""),
            "{malformed:?}"
        );
    }
}

#[test]
fn standard_input_is_checked_before_it_is_stored() {
    let world = World::empty();
    world.file("a.wasm", module(1));
    let digest = sha256sum(&world, "a.wasm");
    let add = |bytes: &[u8]| {
        let args = [
            "add",
            "-",
            "a",
            "--digest",
            &digest,
            "--author",
            "Ann <a@b>",
        ];
        piped(world.wasmstore(&args), bytes)
    };
    let ran = add(&module(2));
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(
        ran.err.contains("the digest of standard input is sha256:"),
        "{ran:?}"
    );
    // The command fails before it creates a store.
    assert!(!world.root().exists());
    let ran = add(&module(1));
    assert_eq!((ran.code, ran.out.trim()), (Some(0), &*world.hash(1)));
    let text = "(module)";
    world.file("text", text);
    let digest = sha256sum(&world, "text");
    let error = world.fails(3, &["add", "text", "--digest", &digest]);
    assert!(error.starts_with("cannot accept /text: "), "{error}");
}
