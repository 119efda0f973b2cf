//! `add`, `find`, `filename`, `hash`, `contains`, `info`, `list`, `set`, `remove`.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::json;

use crate::support::program::{CommandOutput, World, module};
use crate::support::server::Server;

#[test]
fn add_prints_the_blob_id_and_commits_once() {
    for world in World::each() {
        world.file("a.wasm", module(1));
        let hash = world.changes(&["add", "a.wasm"]);
        assert_eq!(hash, format!("{}\n", world.hash(1)));
        assert_eq!(world.git(&["rev-parse", "HEAD:a.wasm"]), world.hash(1));
        assert_eq!(world.git(&["log", "-1", "--format=%s"]), "Import /a.wasm");
        let tip = world.tip();
        assert_eq!(world.changes(&["add", "a.wasm", "//a.wasm"]), hash);
        assert_eq!(world.tip(), tip);
        let added = world.json(&["add", "a.wasm", "d/b.wasm"]);
        let expected = json!({ "hash": world.hash(1), "path": "/d/b.wasm", "commit": world.tip(), "branch": "main", "changed": true });
        assert_eq!(added, expected);
        let again = world.run(&["add", "a.wasm", "d/b.wasm"]);
        let unchanged = format!("nothing changed: main is at {}\n", &world.tip()[..10]);
        assert_eq!((again.out, again.err), (hash.clone(), unchanged));
        assert_eq!(world.json(&["add", "a.wasm"])["changed"], false);
        let moved = world.run(&["set", &world.hash(1), "e.wasm"]);
        assert_eq!(
            moved.err,
            format!("committed {} on main\n", &world.tip()[..10])
        );
        assert_eq!(world.run(&["remove", "e.wasm", "--quiet"]).err, "");
        world.fsck();
    }
}

#[test]
fn add_puts_several_files_into_a_directory_in_one_commit() {
    let world = World::empty();
    for (n, name) in ["a.wasm", "d/b.wasm", "c.wasm"].into_iter().enumerate() {
        world.file(name, module(n as u32));
    }
    world.file("no.wasm", "no");
    let ran = world.run(&["add", "a.wasm", "d/b.wasm", "math/1.0.0/"]);
    let hashes = (world.hash(0), world.hash(1));
    let printed = format!(
        "{}\t/math/1.0.0/a.wasm\n{}\t/math/1.0.0/b.wasm\n",
        hashes.0, hashes.1
    );
    let notes = format!(
        "created a store at {}\ncommitted {} on main\n",
        world.root().display(),
        &world.tip()[..10]
    );
    assert_eq!((ran.code, ran.out, ran.err), (Some(0), printed, notes));
    assert_eq!(
        world.git(&["log", "-1", "--format=%s"]),
        "Import /math/1.0.0"
    );
    let json = world.json(&["add", "a.wasm", "c.wasm", "math/1.0.0", "--if-absent"]);
    let expected = json!({
        "modules": { "/math/1.0.0/a.wasm": hashes.0, "/math/1.0.0/c.wasm": world.hash(2) },
        "commit": world.tip(), "branch": "main", "changed": true,
    });
    assert_eq!(json, expected);
    world.changes(&["add", "a.wasm", "top/"]);
    for (args, code, reason) in [
        (
            &["add", "a.wasm", "no.wasm", "x/"][..],
            3,
            "cannot accept no.wasm: ",
        ),
        (&["add", "a.wasm", "d", "x/"], 1, "cannot read \"d\": "),
        (
            &["add", "a.wasm", "./a.wasm", "x/"],
            3,
            "two modules would be at /x/a.wasm",
        ),
        (
            &["add", "a.wasm", "d/b.wasm", "c.wasm"],
            2,
            "the last of several arguments",
        ),
        (&["add", "a.wasm", "-", "x/"], 2, "`-` reads one module"),
        (
            &["add", "a.wasm", "c.wasm", "x/", "--if-match", &hashes.0],
            2,
            "--if-match works only with one FILE",
        ),
        (&["add", "a.wasm", "top/a.wasm/"], 4, "/top/a.wasm"),
    ] {
        let refused = world.fails(code, args);
        assert!(refused.contains(reason), "{args:?}: {refused}");
    }
    world.file("other/a.wasm", module(9));
    let one = ["add", "other/a.wasm", "top/a.wasm"];
    let ran = world.run(&[&one[..], &["--if-absent"]].concat());
    let (there, nine) = (&hashes.0, world.hash(9));
    let expected = format!(
        "wasmstore: /top/a.wasm has another module already: {there}\nhint: publish at a new path, or replace the module with --if-match {there}\n"
    );
    assert_eq!((ran.code, ran.err), (Some(4), expected));
    let ran = world.run(&[&one[..], &["--if-match", &nine]].concat());
    let expected = format!(
        "wasmstore: /top/a.wasm is not {nine}: it is {there}\nhint: wasmstore changed it in "
    );
    assert_eq!(ran.code, Some(4));
    assert!(ran.err.starts_with(&expected), "{ran:?}");
    let refused = world.fails(4, &["add", "c.wasm", "other/a.wasm", "top/", "--if-absent"]);
    let current = format!(
        "the precondition failed: the current value at /top/a.wasm is {}",
        hashes.0
    );
    assert_eq!(refused, current);
}

#[test]
fn a_dry_run_describes_the_module_and_changes_nothing() {
    let world = World::with_store("sha1");
    let text = |text: &str| wat::parse_str(text).unwrap();
    world.file("one.wasm", text(r#"(module (func (export "f")))"#));
    world.file(
        "two.wasm",
        text(r#"(module (import "a" "b" (func)) (func (export "g")))"#),
    );
    world.file(
        "more.wasm",
        text(r#"(module (func (export "f")) (func (export "g")))"#),
    );
    world.file("no.wasm", "no");
    world.changes(&["add", "one.wasm", "m/a"]);
    let hash = |file: &str| {
        world.git(&[
            "hash-object",
            "--no-filters",
            world.path(file).to_str().unwrap(),
        ])
    };
    let before = world.state();
    let printed = world.ok(&["add", "--dry-run", "two.wasm", "m/a"]);
    let (head, reasons) = printed.split_once("    verdict: breaking\n").unwrap();
    assert!(reasons.contains("breaking: "), "{printed}");
    assert!(
        head.starts_with("/m/a would be replaced\n    kind: module\n    size: "),
        "{head}"
    );
    for line in [
        format!("    hash: {}\n", hash("two.wasm")),
        "    imports: 1\n    exports: 1\n".to_owned(),
        format!("    replaces: {}\n", hash("one.wasm")),
    ] {
        assert!(head.contains(&line), "{head}");
    }
    let json = world.json(&["add", "--dry-run", "more.wasm", "m/a"]);
    assert_eq!(json["verdict"], "compatible");
    assert_eq!(json["action"], "updated");
    assert_eq!(json["reasons"]["breaking"], json!([]));
    let list = world.json(&["add", "--dry-run", "one.wasm", "two.wasm", "n/"]);
    assert_eq!(list[1]["path"], "/n/two.wasm");
    assert_eq!(
        (&list[0]["action"], &list[0]["verdict"]),
        (&json!("added"), &json!(null))
    );
    let same = world.json(&["add", "--dry-run", "one.wasm", "m/a", "--if-absent"]);
    assert_eq!(same["action"], "unchanged");
    for (args, code) in [
        (&["two.wasm", "m/a", "--if-absent"][..], 4),
        (&["two.wasm", "m/a", "--if-match", &hash("two.wasm")], 4),
        (&["no.wasm", "m/a"], 3),
        (&["one.wasm", "m"], 4),
        (&["one.wasm", "m/a/b"], 4),
        (&["one.wasm", "x", "--branch", "none"], 1),
        (&["missing.wasm", "x"], 1),
        (&["-"], 2),
    ] {
        world.fails(code, &[&["add", "--dry-run"], args].concat());
    }
    assert_eq!(world.state(), before);
    let empty = World::empty();
    empty.file("a.wasm", module(1));
    assert_eq!(
        empty.json(&["add", "--dry-run", "a.wasm"])["action"],
        "added"
    );
    assert!(!empty.root().exists());
}

#[test]
fn add_uses_the_file_name_and_the_given_message_and_author() {
    let world = World::with_store("sha1");
    world.file("deep/er/b.wasm", module(2));
    let args = [
        "add",
        "deep/er/b.wasm",
        "-m",
        "One\n\nTwo",
        "--author",
        "Ann <a@b>",
    ];
    world.changes(&args);
    assert_eq!(world.git(&["rev-parse", "HEAD:b.wasm"]), world.hash(2));
    let commit = world.git(&["log", "-1", "--format=%an|%ae|%cn|%B"]);
    assert_eq!(commit, "Ann|a@b|wasmstore|One\n\nTwo");
}

#[test]
fn add_if_absent_replaces_nothing_and_accepts_the_same_bytes() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    let url = format!("http://{}", server.address);
    for (n, root) in [world.root().to_str().unwrap(), &url]
        .into_iter()
        .enumerate()
    {
        let path = format!("m{n}.wasm");
        world.file("a.wasm", module(1));
        world.file("b.wasm", module(2));
        let add = |file: &'static str| ["add", "--root", root, "--if-absent", file, &path];
        let hash = format!("{}\n", world.hash(1));
        assert_eq!(world.ok(&add("a.wasm")), hash);
        let tip = world.tip();
        assert_eq!(world.ok(&add("a.wasm")), hash);
        assert_eq!(world.tip(), tip);
        let reason = world.fails(4, &add("b.wasm"));
        assert!(reason.contains(&world.hash(1)), "{reason}");
        let if_match = |hash: &str, file: &str| {
            ["add", "--root", root, "--if-match", hash, file, &path].map(str::to_owned)
        };
        let stale = if_match(&world.hash(2), "b.wasm");
        world.fails(4, &stale.each_ref().map(String::as_str));
        let current = if_match(&world.hash(1), "b.wasm");
        world.ok(&current.each_ref().map(String::as_str));
    }
}

#[test]
fn the_author_defaults_to_the_identity_of_git() {
    let world = World::with_store("sha1");
    world.file("a.wasm", module(1));
    world.file("gitconfig", "[user]\nname = Ann\nemail = ann@example.org\n");
    let author = |path: &str, variables: &[(&str, &str)]| {
        let mut command = world.wasmstore(&["add", "a.wasm", path]);
        command.envs(variables.iter().copied());
        assert!(command.status().unwrap().success());
        world.git(&["log", "-1", "--format=%an <%ae>"])
    };
    let config = ("GIT_CONFIG_GLOBAL", "gitconfig");
    assert_eq!(author("a", &[config]), "Ann <ann@example.org>");
    let name = ("GIT_AUTHOR_NAME", "Bob");
    assert_eq!(author("b", &[config, name]), "Bob <ann@example.org>");
    let variable = ("WASMSTORE_AUTHOR", "Eve <e@x>");
    assert_eq!(author("c", &[config, name, variable]), "Eve <e@x>");
    let odd = ("GIT_AUTHOR_NAME", "a<b");
    let default = "wasmstore <wasmstore@localhost>";
    assert_eq!(author("d", &[odd]), default);
    assert_eq!(author("e", &[config, ("PATH", "")]), default);
}

#[test]
fn git_is_not_given_secrets_when_it_looks_up_the_author() {
    let world = World::with_store("sha1");
    world.file("a.wasm", module(1));
    let seen = world.path("seen");
    let script = format!("#!/bin/sh\n/usr/bin/env >> {}\n", seen.display());
    world.file("git", script);
    let executable = Permissions::from_mode(0o755);
    fs::set_permissions(world.path("git"), executable).unwrap();
    let mut command = world.wasmstore(&["add", "a.wasm"]);
    command
        .env("PATH", world.path(""))
        .env("WASMSTORE_KEY", "geheim")
        .env("AWS_SECRET_ACCESS_KEY", "geheim");
    assert!(command.status().unwrap().success());
    let seen = fs::read_to_string(seen).unwrap();
    assert!(seen.contains("PATH="), "{seen}");
    assert!(!seen.contains("geheim"), "{seen}");
}

#[test]
fn add_reads_standard_input() {
    let world = World::with_store("sha1");
    let mut child = world
        .wasmstore(&["add", "-", "in.wasm"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&module(3)).unwrap();
    let ran = CommandOutput::from(child.wait_with_output().unwrap());
    assert_eq!(
        (ran.code, ran.out),
        (Some(0), format!("{}\n", world.hash(3)))
    );
    let missing = world.fails(2, &["add", "-"]);
    assert_eq!(missing, "`add -` needs a PATH");
}

#[test]
fn unreadable_input_fails_and_creates_no_store() {
    let world = World::empty();
    fs::create_dir(world.path("directory")).unwrap();
    let missing = world.fails(1, &["add", "missing.wasm"]);
    assert_eq!(
        missing,
        "cannot read \"missing.wasm\": No such file or directory (os error 2)"
    );
    let directory = world.fails(1, &["add", "directory"]);
    assert_eq!(directory, "cannot read \"directory\": is a directory");
    assert_eq!(
        world.fails(1, &["add", ".."]),
        "cannot read \"..\": is a directory"
    );
    world.file("a.wasm", module(1));
    world.fails(3, &["add", "a.wasm", "a/../b"]);
    world.fails(3, &["add", "a.wasm", "--branch", "a..b"]);
    world.fails(3, &["add", "a.wasm", "--author", "<>"]);
    world.fails(3, &["add", "a.wasm", "-m", " "]);
    let hex = "0123456789012345678901234567890123456789";
    world.file(hex, module(1));
    let reads = world.fails(3, &["add", hex]);
    assert!(reads.contains("has the form of a hash"), "{reads}");
    assert!(!world.root().exists());
}

#[test]
fn path_is_never_both_module_and_directory() {
    for world in World::each() {
        world.add("a/b.wasm", 1);
        world.file("m.wasm", module(2));
        let directory = world.fails(4, &["add", "m.wasm", "a"]);
        assert_eq!(directory, "/a cannot be written: /a is a directory");
        let module = world.fails(4, &["add", "m.wasm", "a/b.wasm/c"]);
        assert_eq!(
            module,
            "/a/b.wasm/c cannot be written: /a/b.wasm is a module"
        );
        world.fails(4, &["set", &world.hash(1), "a"]);
    }
}

#[test]
fn find_prints_the_bytes_by_path_hash_and_digest() {
    for world in World::each() {
        let hash = world.add("d/a.wasm", 1);
        let info = world.json(&["info", "d/a.wasm"]);
        let digest = info["digest"].as_str().unwrap();
        for name in [
            "d/a.wasm",
            "/d//a.wasm/",
            &hash,
            &hash.to_uppercase(),
            digest,
            &digest[7..],
        ] {
            let found = world.wasmstore(&["find", name]).output().unwrap();
            assert_eq!(found.stdout, module(1), "{name}");
        }
        assert_eq!(
            world.fails(1, &["find", "d"]),
            "/d is a directory, not a module"
        );
        assert_eq!(
            world.fails(1, &["find", "b.wasm"]),
            "there is no module /b.wasm"
        );
        let unknown = "0".repeat(hash.len());
        assert_eq!(
            world.fails(1, &["find", &unknown]),
            format!("there is no module {unknown}")
        );
        world.fails(3, &["find", "a/./b"]);
        world.fails(3, &["find", "/"]);
        world.fails(3, &["find", "sha256:12"]);
    }
}

#[test]
fn find_json_contains_the_bytes() {
    let world = World::with_store("sha1");
    let hash = world.add("a.wasm", 1);
    let found = world.json(&["find", "a.wasm"]);
    let bytes = module(1);
    assert_eq!(
        (&found["hash"], &found["size"]),
        (&json!(hash), &json!(bytes.len()))
    );
    // The magic number and version of every core module.
    let base64 = found["base64"].as_str().unwrap();
    assert!(base64.starts_with("AGFzbQEAAAAB"), "{base64}");
    assert_eq!(base64.len(), bytes.len().div_ceil(3) * 4);
    let written = world.json(&["find", "a.wasm", "-o", "o.wasm"]);
    assert_eq!(
        written,
        json!({ "hash": hash, "size": bytes.len(), "file": "o.wasm" })
    );
}

#[test]
fn filename_prints_a_read_only_file_with_the_bytes() {
    for world in World::each() {
        let hash = world.add("a.wasm", 1);
        let name = world.ok(&["filename", "a.wasm"]);
        let file = name.strip_suffix('\n').unwrap();
        assert_eq!(fs::read(file).unwrap(), module(1));
        assert!(file.starts_with('/') && fs::metadata(file).unwrap().permissions().readonly());
        assert_eq!(world.ok(&["filename", &hash]), name);
        assert_eq!(
            world.json(&["filename", "a.wasm"]),
            json!({ "filename": file })
        );
        assert_eq!(
            world.fails(1, &["filename", "b.wasm"]),
            "there is no module /b.wasm"
        );
        world.fails(3, &["filename", ".git"]);
        world.fsck();
    }
}

#[test]
fn hash_and_contains_report_whether_a_module_exists() {
    for world in World::each() {
        let hash = world.add("d/a.wasm", 1);
        assert_eq!(world.ok(&["hash", "d/a.wasm"]), format!("{hash}\n"));
        assert_eq!(world.json(&["hash", "d/a.wasm"]), json!({ "hash": hash }));
        assert_eq!(
            world.fails(1, &["hash", "b.wasm"]),
            "there is no module /b.wasm"
        );
        assert_eq!(
            world.fails(1, &["hash", "d"]),
            "/d is a directory, not a module"
        );
        world.fails(3, &["hash", ".."]);
        for (name, there) in [
            ("d/a.wasm", true),
            (&*hash, true),
            ("b.wasm", false),
            ("d", false),
        ] {
            assert_eq!(
                world.ok(&["contains", name]),
                format!("{there}\n"),
                "{name}"
            );
            assert_eq!(
                world.json(&["contains", name]),
                json!({ "contains": there })
            );
        }
        world.fails(3, &["contains", "a\u{1}"]);
    }
}

#[test]
fn the_digest_of_a_manifest_names_its_module() {
    for world in World::each() {
        world.file("a.wasm", module(1));
        let hash = world.changes(&["add", "a.wasm"]);
        world.changes(&["add", "a.wasm", "a/1.0.wasm"]);
        let manifest = world.json(&["oci", "show", "a:latest"]);
        let digest = manifest["digest"].as_str().unwrap();
        assert_eq!(world.ok(&["hash", digest]), hash);
        assert_eq!(world.json(&["info", digest])["hash"], hash.trim_end());
        let named = format!("a@{digest}");
        assert_eq!(world.json(&["oci", "show", &named]), manifest);
        // The manifest of another file name is another manifest.
        assert_eq!(world.ok(&["oci", "tags", &named]), "latest\nmain\n");
        assert_eq!(world.ok(&["oci", "tags", "a"]), "1.0\nlatest\nmain\n");
        let unknown = format!("sha256:{}", "0".repeat(64));
        for args in [["hash", &unknown], ["info", &unknown]] {
            world.fails(1, &args);
        }
        world.fails(1, &["oci", "tags", &format!("a@{unknown}")]);
        // A module that is not in the tree any more is not found by it.
        world.changes(&["remove", "a.wasm"]);
        world.changes(&["remove", "a/1.0.wasm"]);
        world.fails(1, &["hash", digest]);
    }
}

#[test]
fn info_prints_the_facts_about_a_module() {
    for world in World::each() {
        let text = r#"(module (import "env" "g" (global i32)) (memory (export "m") 1)
            (func (export "run\1b")) (@custom "odd" "x") (@producers (language "Rust" "2024")))"#;
        let bytes = wat::parse_str(text).unwrap();
        world.file("a.wasm", &bytes);
        let hash = world.changes(&["add", "a.wasm"]).trim_end().to_owned();
        let json = world.json(&["info", "a.wasm"]);
        let digest = json["digest"].as_str().unwrap();
        let manifest = world.json(&["oci", "show", "a:latest"]);
        let expected = json!({
            "hash": hash, "digest": digest, "size": bytes.len(), "kind": "module",
            "oci": { "repository": "a", "tag": "latest", "digest": manifest["digest"] },
            "imports": [{ "module": "env", "name": "g", "kind": "global", "type": "(global i32)" }],
            "exports": [
                { "name": "m", "kind": "memory", "type": "(memory 1)" },
                { "name": "run\u{1b}", "kind": "func", "type": "(func)" },
            ],
            "custom_sections": ["odd", "producers"],
            "producers": { "language": [{ "name": "Rust", "version": "2024" }] },
            "requires": { "standard": "1.0", "included": [], "proposals": [] },
            "metadata": {
                "producers": {
                    "items": [{ "field": "language", "name": "Rust", "version": "2024" }],
                    "left_out": 0,
                },
            },
        });
        assert_eq!(json, expected);
        let head = format!(
            "kind: module\nsize: {}\ndigest: {digest}\nhash: {hash}\n\
             requires: WebAssembly 1.0\n",
            bytes.len()
        );
        let tail = "imports:\n  env.g: (global i32)\nexports:\n  m: (memory 1)\n  run\\u{1b}: (func)\n\
            custom sections:\n  odd\n  producers\nproducers:\n  language: Rust 2024\n";
        assert_eq!(world.ok(&["info", digest]), format!("{head}{tail}"));
        assert_eq!(
            world.fails(1, &["info", "b.wasm"]),
            "there is no module /b.wasm"
        );
    }
}

#[test]
fn info_distinguishes_components_from_modules() {
    let world = World::with_store("sha1");
    let bytes = wat::parse_str(r#"(component (import "f" (func)))"#).unwrap();
    world.file("c.wasm", bytes);
    world.changes(&["add", "c.wasm"]);
    let info = world.json(&["info", "c.wasm"]);
    assert_eq!(info["kind"], "component");
    assert_eq!(
        info["imports"],
        json!([{ "module": null, "name": "f", "kind": "func", "type": "func()" }])
    );
}

#[test]
fn list_is_sorted_and_accepts_a_directory() {
    for world in World::each() {
        let (one, two) = (world.hash(1), world.hash(2));
        for (path, n) in [("b/c.wasm", 1), ("b.wasm", 2), ("a/z.wasm", 1)] {
            world.add(path, n);
        }
        let all = format!("{one}\t/a/z.wasm\n{two}\t/b.wasm\n{one}\t/b/c.wasm\n");
        assert_eq!(world.ok(&["list"]), all);
        assert_eq!(world.ok(&["list", "/"]), all);
        assert_eq!(world.ok(&["list", "b/"]), format!("{one}\t/b/c.wasm\n"));
        assert_eq!(
            world.fails(1, &["list", "nothing"]),
            "there is no directory /nothing"
        );
        let object = json!({ "/a/z.wasm": one, "/b.wasm": two, "/b/c.wasm": one });
        assert_eq!(world.json(&["list"]), object);
        world.fails(3, &["list", "a/.."]);
    }
}

#[test]
fn set_puts_a_stored_module_at_another_path() {
    for world in World::each() {
        let hash = world.add("a.wasm", 1);
        assert_eq!(world.changes(&["set", &hash, "d/b.wasm"]), "");
        assert_eq!(world.git(&["rev-parse", "HEAD:d/b.wasm"]), hash);
        let message = world.git(&["log", "-1", "--format=%s"]);
        assert_eq!(message, format!("Set /d/b.wasm {hash}"));
        let digest = world.json(&["info", &hash])["digest"]
            .as_str()
            .unwrap()
            .to_owned();
        let set = world.json(&["set", &digest, "c.wasm", "-m", "By digest"]);
        let reported = json!({ "hash": hash, "path": "/c.wasm", "commit": world.tip(), "branch": "main", "changed": true });
        assert_eq!(set, reported);
        assert_eq!(world.git(&["log", "-1", "--format=%s"]), "By digest");
        let unknown = "1".repeat(hash.len());
        assert_eq!(
            world.fails(1, &["set", &unknown, "e.wasm"]),
            format!("there is no module {unknown}")
        );
        assert_eq!(
            world.fails(1, &["set", &world.tip(), "e.wasm"]),
            format!("there is no module {}", world.tip())
        );
        world.fails(3, &["set", "a.wasm", "e.wasm"]);
        world.fails(3, &["set", &hash, "e//.."]);
        world.fsck();
    }
}

#[test]
fn remove_accepts_a_path_a_hash_or_a_directory() {
    for world in World::each() {
        let hash = world.add("a.wasm", 1);
        world.add("d/b.wasm", 1);
        world.add("d/c.wasm", 2);
        let directory = world.fails(4, &["remove", "d"]);
        assert!(directory.starts_with("/d is a directory"), "{directory}");
        assert!(directory.contains("--recursive"), "{directory}");
        assert_eq!(world.changes(&["remove", &hash, "-m", "Both"]), "");
        assert_eq!(
            world.ok(&["list"]),
            format!("{}\t/d/c.wasm\n", world.hash(2))
        );
        assert_eq!(world.git(&["log", "-1", "--format=%s"]), "Both");
        assert_eq!(world.changes(&["remove", "d", "--recursive"]), "");
        assert_eq!(world.ok(&["list"]), "");
        assert_eq!(
            world.fails(1, &["remove", "a.wasm"]),
            "there is no module /a.wasm"
        );
        assert_eq!(
            world.fails(1, &["remove", &hash]),
            format!("there is no module {hash}")
        );
        world.fails(3, &["remove", "/", "--recursive"]);
        world.add("a.wasm", 1);
        let removed = world.json(&["remove", "a.wasm"]);
        assert_eq!(
            removed,
            json!({ "commit": world.tip(), "branch": "main", "changed": true })
        );
        assert_eq!(world.git(&["log", "-1", "--format=%s"]), "Remove /a.wasm");
    }
}

#[test]
fn every_read_accepts_a_commit() {
    for world in World::each() {
        let one = world.add("a.wasm", 1);
        let then = world.tip();
        world.add("a.wasm", 2);
        world.changes(&["remove", "a.wasm"]);
        let at = |args: &[&str]| world.ok(&[args, &["--commit", &then]].concat());
        assert_eq!(at(&["list"]), format!("{one}\t/a.wasm\n"));
        assert_eq!(at(&["hash", "a.wasm"]), format!("{one}\n"));
        assert_eq!(at(&["contains", "a.wasm"]), "true\n");
        assert_eq!(at(&["find", "a.wasm", "-o", "o.wasm"]), "");
        assert_eq!(fs::read(world.path("o.wasm")).unwrap(), module(1));
        assert_eq!(at(&["info", "a.wasm", "--json"]).matches(&one).count(), 1);
        assert_eq!(
            fs::read(at(&["filename", "a.wasm"]).trim_end()).unwrap(),
            module(1)
        );
        assert_eq!(
            at(&["versions", "a.wasm"]),
            format!("{one}\tcommit: {then}\n")
        );
        assert_eq!(
            at(&["version", "0", "a.wasm"]),
            format!("{one}\tcommit: {then}\n")
        );
        assert_eq!(at(&["audit", "a.wasm"]).lines().count(), 1);
        assert_eq!(at(&["snapshot"]), format!("{then}\n"));
        assert_eq!(at(&["log"]).matches("\nAuthor: ").count(), 2);
        let unknown = "2".repeat(one.len());
        let missing = world.fails(1, &["list", "--commit", &unknown]);
        assert_eq!(missing, format!("there is no commit {unknown}"));
        world.fails(1, &["list", "--commit", &one]);
        world.fails(1, &["list", "--commit", "none"]);
        world.fails(3, &["list", "--commit", "a..b"]);
    }
}

#[test]
fn writes_reject_the_commit_option() {
    let world = World::with_store("sha1");
    let tip = world.tip();
    world.file("a.wasm", module(1));
    for args in [
        &["add", "a.wasm"][..],
        &["remove", "a"],
        &["rollback"],
        &["gc"],
        &["merge", "b"],
    ] {
        let ran = world.run(&[args, &["--commit", &tip]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(ran.err.contains("--commit"), "{}", ran.err);
    }
    assert_eq!(world.tip(), tip);
}

#[test]
fn the_stores_configuration_limits_what_every_command_accepts() {
    let world = World::with_store("sha1");
    world.file("a.wasm", module(1));
    world.changes(&["add", "a.wasm"]);
    world.git(&["config", "wasmstore.maxModuleBytes", "10"]);
    world.file("b.wasm", module(2));
    let refused = world.run(&["add", "b.wasm"]);
    assert_eq!(refused.code, Some(3));
    assert!(
        refused
            .err
            .contains("larger than 10 bytes (--max-module-bytes)"),
        "{}",
        refused.err
    );
    assert_eq!(world.run(&["set", &world.hash(1), "c.wasm"]).code, Some(0));
    assert_eq!(world.run(&["verify"]).code, Some(0));
    world.git(&["config", "wasmstore.maxModuleBytes", "1k"]);
    world.changes(&["add", "b.wasm"]);
}

#[test]
fn a_list_with_details_has_size_date_kind_and_commit() {
    for world in World::each() {
        let one = world.add("d/a.wasm", 1);
        let first = world.tip();
        world.add("d/b.wasm", 2);
        let component = wat::parse_str("(component)").unwrap();
        world.file("c.wasm", &component);
        world.changes(&["add", "c.wasm", "d/c.wasm"]);
        let date: i64 = world
            .git(&["log", "-1", "--format=%at", &first])
            .parse()
            .unwrap();
        let size = module(1).len();
        let json = world.json(&["list", "-l", "d"]);
        let expected = json!({ "path": "/d/a.wasm", "hash": one, "size": size, "kind": "module", "commit": first, "date": date });
        assert_eq!(json[0], expected);
        assert_eq!(json[2]["kind"], "component");
        let text = world.ok(&["list", "--long"]);
        let columns: Vec<_> = text.lines().next().unwrap().split_whitespace().collect();
        assert_eq!(
            [columns[0], columns[3], columns[4], columns[5]],
            [&*size.to_string(), "module", &one, "/d/a.wasm"]
        );
        let widths: Vec<_> = text.lines().map(|line| line.find('/')).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
    }
}

#[test]
fn a_list_of_an_unknown_directory_fails_with_the_nearest_name() {
    let world = World::with_store("sha1");
    world.add("plugins/image/blur.wasm", 1);
    for (directory, hint) in [
        ("plugin", "did you mean /plugins?"),
        ("plugins/images", "did you mean /plugins/image?"),
        ("else", "`wasmstore list` lists all modules"),
        (
            "plugins/image/blur.wasm",
            "there is a module at /plugins/image/blur.wasm",
        ),
    ] {
        for option in [
            &["list", directory][..],
            &["list", "-l", "--json", directory],
        ] {
            let ran = world.run(option);
            let expected = format!("wasmstore: there is no directory /{directory}\nhint: {hint}");
            assert_eq!((ran.code, &*ran.out), (Some(1), ""));
            assert!(ran.err.starts_with(&expected), "{}", ran.err);
        }
    }
    let empty = World::empty();
    assert_eq!(empty.ok(&["list", "/"]), "");
    assert_eq!(empty.ok(&["list", "-l"]), "");
}
