//! Invalid modules and malformed names.

use std::io::Write;
use std::process::Stdio;

use crate::support::program::{CommandOutput, World, module, reason};

/// Returns every kind of invalid module: a name, the bytes, and a part of the expected reason.
fn bad_modules() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let bytes = module(1);
    let body = |text: &str| wat::parse_str(text).unwrap();
    let nested = r#"(component (core module (func (result i32) i64.const 1)))"#;
    vec![
        ("empty", Vec::new(), "at offset 0x0"),
        ("magic only", bytes[..4].to_vec(), "at offset 0x"),
        (
            "truncated",
            bytes[..bytes.len() - 1].to_vec(),
            "at offset 0x",
        ),
        (
            "text format",
            b"(module (func (export \"f\")))".to_vec(),
            "at offset 0x0",
        ),
        (
            "garbage",
            b"\xff\xfe\x00garbage\x00bytes".to_vec(),
            "at offset 0x0",
        ),
        (
            "unknown version",
            b"\0asm\x63\0\0\0".to_vec(),
            "at offset 0x4",
        ),
        (
            "trailing bytes",
            [&bytes[..], b"\xffrest"].concat(),
            "at offset 0x",
        ),
        (
            "a zero behind",
            [&bytes[..], b"\0"].concat(),
            "at offset 0x",
        ),
        ("twice", [&bytes[..], &bytes].concat(), "at offset 0x"),
        (
            "type error",
            body("(module (func (result i32) i64.const 1))"),
            "type mismatch",
        ),
        ("empty stack", body("(module (func drop))"), "at offset 0x"),
        ("type error in a component", body(nested), "type mismatch"),
    ]
}

#[test]
fn invalid_module_is_rejected_and_leaves_no_trace() {
    for world in World::each() {
        world.add("a.wasm", 7);
        for (name, bytes, part) in bad_modules() {
            world.file("bad.wasm", &bytes);
            for args in [
                &["add", "bad.wasm"][..],
                &["add", "bad.wasm", "a.wasm"],
                &["add", "bad.wasm", "--json"],
            ] {
                let reason = world.fails(3, args);
                assert!(reason.contains(part), "{name}: {reason}");
            }
        }
        world.fsck();
    }
}

#[test]
fn standard_input_is_validated_like_a_file() {
    let world = World::with_store("sha1");
    let before = world.state();
    for (name, bytes, part) in bad_modules() {
        let args = ["add", "-", "a.wasm"];
        let mut command = world.wasmstore(&args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(&bytes);
        let ran = CommandOutput::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{name}");
        assert!(
            reason(&ran.err, &args).contains(part),
            "{name}: {}",
            ran.err
        );
        assert_eq!(world.state(), before, "{name}");
    }
}

#[test]
fn set_rejects_a_blob_that_is_not_a_module() {
    let world = World::with_store("sha1");
    world.file("text", "text");
    let file = world.path("text");
    let blob = world.git(&["hash-object", "-w", file.to_str().unwrap()]);
    let refused = world.fails(1, &["set", &blob, "a.wasm"]);
    assert_eq!(refused, format!("there is no module {blob}"));
}

#[test]
fn every_command_rejects_malformed_paths() {
    let world = World::with_store("sha1");
    world.file("m.wasm", module(1));
    let hash = world.hash(1);
    let long = "a".repeat(256);
    let deep = "a/".repeat(65);
    let bad = [
        "..",
        "a/../b",
        "./a",
        ".git",
        "a/.GIT/b",
        "a/.gi\u{202a}t",
        "git~1/a",
        ".gitmodules",
        "a\\b",
        "a\nb",
        "a\u{7f}",
        &long,
        &deep,
    ];
    for path in bad {
        for args in [
            &["add", "m.wasm", path][..],
            &["find", path],
            &["filename", path],
            &["hash", path],
            &["contains", path],
            &["info", path],
            &["list", path],
            &["set", &hash, path],
            &["remove", path],
            &["versions", path],
            &["version", "0", path],
            &["audit", path],
            &["rollback", path],
            &["restore", &hash, path],
            &["import", ".", path],
        ] {
            // For `info`, this is a file on disk, which does not exist.
            let code = if *args == ["info", "./a"] { 1 } else { 3 };
            world.fails(code, args);
        }
    }
}

#[test]
fn error_is_one_line_without_control_characters() {
    let world = World::with_store("sha1");
    let missing = world.fails(1, &["add", "a\nb\u{1b}[31m"]);
    assert!(
        missing.starts_with("cannot read \"a\\nb\\u{1b}[31m\": "),
        "{missing}"
    );
    // The name is from the module, so its author chose it.
    let module = wat::parse_str(r#"(module (func (export "a\n\1b")) (func (export "a\n\1b")))"#);
    world.file("dup.wasm", module.unwrap());
    let duplicate = world.fails(3, &["add", "dup.wasm"]);
    assert!(duplicate.contains("duplicate export name"), "{duplicate}");
    assert!(!duplicate.contains('\u{1b}'), "{duplicate:?}");
}

#[test]
fn invalid_command_line_exits_with_2() {
    let world = World::empty();
    for args in [
        &["nonsense"][..],
        &["list", "a", "b"],
        &["list", "--nonsense"],
        &["find"],
        &["add"],
        &["version", "-1", "a"],
        &["list", "--color", "blue"],
        &["log", "-n", "many"],
        &["log", "--plain", "--pager", "cat"],
    ] {
        let ran = world.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(!ran.err.is_empty(), "{args:?}");
    }
    assert!(!world.root().exists());
}
