//! Commands that read or write files: `find -o`, `export`, `import`, `backup`, `init`, `completions`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::json;

use crate::support::program::{World, module};

#[test]
fn find_writes_its_output_file_atomically() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    assert_eq!(world.ok(&["find", "a.wasm", "-o", "new.wasm"]), "");
    assert_eq!(fs::read(world.path("new.wasm")).unwrap(), module(1));
    assert_ne!(
        fs::metadata(world.path("new.wasm"))
            .unwrap()
            .permissions()
            .mode()
            & 0o444,
        0o400
    );
    world.file("there.wasm", "before");
    fs::set_permissions(world.path("there.wasm"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("there.wasm", world.path("link.wasm")).unwrap();
    assert_eq!(
        world.fails(1, &["find", "b.wasm", "-o", "there.wasm"]),
        "there is no module /b.wasm"
    );
    assert_eq!(fs::read(world.path("there.wasm")).unwrap(), b"before");
    world.ok(&["find", "a.wasm", "--output", "link.wasm"]);
    assert!(
        fs::symlink_metadata(world.path("link.wasm"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(fs::read(world.path("there.wasm")).unwrap(), module(1));
    assert_eq!(
        fs::metadata(world.path("there.wasm"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o640
    );
    let device = world
        .wasmstore(&["find", "a.wasm", "-o", "/dev/stdout"])
        .output()
        .unwrap();
    assert_eq!(device.stdout, module(1));
    let nowhere = world.fails(1, &["find", "a.wasm", "-o", "no/where.wasm"]);
    assert!(
        nowhere.starts_with("cannot write \"no/where.wasm\": "),
        "{nowhere}"
    );
    let mut left: Vec<_> = fs::read_dir(world.path(""))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["added.wasm", "link.wasm", "new.wasm", "there.wasm"]);
}

#[test]
fn export_writes_a_branch_as_files() {
    for world in World::each() {
        world.add("a.wasm", 1);
        let then = world.tip();
        world.add("d/e/b.wasm", 2);
        let ran = world.run(&["export"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""));
        assert_eq!(ran.err, "exported 2 modules to \"main\"\n");
        assert_eq!(fs::read(world.path("main/d/e/b.wasm")).unwrap(), module(2));
        assert_eq!(
            world.ok(&["export", "-q", "--output", "then", "--commit", &then]),
            ""
        );
        let left: Vec<_> = fs::read_dir(world.path("then")).unwrap().collect();
        assert_eq!(left.len(), 1);
        let exported = world.json(&["export", "-o", "json"]);
        assert_eq!(exported, json!({ "directory": "json", "modules": 2 }));
        let taken = world.fails(4, &["export", "-o", "main"]);
        assert_eq!(taken, "\"main\" exists and is not empty");
        world.file("plain", "");
        world.fails(1, &["export", "-o", "plain/below"]);
    }
}

#[test]
fn a_mistyped_file_name_leaves_no_store() {
    let world = World::empty();
    world.file("a.wasm", module(1));
    for args in [
        &["add", "missing.wasm"][..],
        &["add", "a.wasm", "missing.wasm", "d/"],
        &["import", "missing"],
        &["import", "a.wasm"],
        &["import", ".", "--include", "!a"],
    ] {
        let ran = world.run(args);
        assert_ne!(ran.code, Some(0), "{args:?}");
        assert!(!ran.err.contains("created a store"), "{}", ran.err);
        assert!(!world.root().exists(), "{args:?}");
    }
}

#[test]
fn import_is_one_commit() {
    for world in World::each() {
        world.file("in/a.wasm", module(1));
        world.file("in/d/b.wasm", module(2));
        let (one, two) = (world.hash(1), world.hash(2));
        let printed = world.changes(&["import", "in", "x/y", "-m", "Many"]);
        assert_eq!(
            printed,
            format!("{one}\t/x/y/a.wasm\n{two}\t/x/y/d/b.wasm\n")
        );
        assert_eq!(world.ok(&["list"]), printed);
        assert_eq!(world.git(&["log", "--format=%s"]), "Many\nCreate the store");
        let object = world.json(&["import", "in"]);
        assert_eq!(
            object["modules"],
            json!({ "/a.wasm": one, "/d/b.wasm": two })
        );
        assert_eq!(object["commit"], world.tip());
        assert_eq!(world.git(&["log", "-1", "--format=%s"]), "Import");
        fs::create_dir(world.path("nothing")).unwrap();
        assert_eq!(world.changes(&["import", "nothing"]), "");
        world.file("in/d/c.wasm", "text");
        let invalid = world.fails(3, &["import", "in", "z"]);
        assert!(
            invalid.starts_with("cannot accept in/d/c.wasm: "),
            "{invalid}"
        );
        let excluded = [
            "import",
            "in",
            "z",
            "--exclude",
            "c.*",
            "--include",
            "d/",
            "--include=x",
        ];
        assert_eq!(world.ok(&excluded), format!("{two}\t/z/d/b.wasm\n"));
        let glob = world.fails(3, &["import", "in", "--exclude", "!a"]);
        assert!(glob.starts_with("pattern \"!a\" starts with `!`"), "{glob}");
        world.fails(1, &["import", "missing"]);
        world.fails(1, &["import", "in/a.wasm"]);
        world.fails(3, &["import", "in", "a/../b"]);
        fs::remove_file(world.path("in/d/c.wasm")).unwrap();
        world.fails(4, &["import", "in", "a.wasm"]);
    }
}

#[test]
fn a_bad_import_creates_no_store() {
    let world = World::empty();
    world.fails(1, &["import", "missing"]);
    assert!(!world.root().exists());
}

#[test]
fn export_then_import_gives_the_same_modules() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    world.add("d/b.wasm", 2);
    world.ok(&["export", "-q"]);
    let list = world.ok(&["list"]);
    assert_eq!(world.ok(&["--root", "other", "import", "main"]), list);
    assert_eq!(world.ok(&["list", "--root", "other"]), list);
}

#[test]
fn unpacked_backup_is_a_complete_store() {
    for world in World::each() {
        world.add("d/a.wasm", 1);
        world.changes(&["branch", "dev"]);
        assert_eq!(world.ok(&["backup", "b.tar.gz"]), "");
        fs::create_dir(world.path("copy")).unwrap();
        let tar = world
            .command("tar")
            .args(["-xzf", "b.tar.gz", "-C", "copy"])
            .status();
        assert!(tar.unwrap().success());
        assert_eq!(world.ok(&["list", "--root", "copy"]), world.ok(&["list"]));
        assert_eq!(
            world.ok(&["branch", "--list", "--root", "copy"]),
            "dev\nmain\n"
        );
        assert!(!world.path("copy/wasmstore").exists());
        let fsck = world
            .command("git")
            .args(["--git-dir", "copy", "fsck", "--strict"])
            .output();
        assert_eq!(fsck.unwrap().status.code(), Some(0));
        let backup = world.json(&["backup", "c.tar.gz"]);
        let size = world.path("c.tar.gz").metadata().unwrap().len();
        let unpacked = &backup["unpacked_bytes"];
        assert!(unpacked.as_u64() > Some(size), "{backup}");
        assert_eq!(
            backup,
            json!({ "file": "c.tar.gz", "archive_bytes": size, "unpacked_bytes": unpacked })
        );
        let nowhere = world.fails(1, &["backup", "no/where.tar.gz"]);
        assert!(
            nowhere.starts_with("cannot write \"no/where.tar.gz\": "),
            "{nowhere}"
        );
    }
}

#[test]
fn git_clone_checks_out_the_modules() {
    for world in World::each() {
        world.add("d/a.wasm", 1);
        let root = world.root();
        let clone = world
            .command("git")
            .arg("clone")
            .arg("-q")
            .arg(root)
            .arg("clone")
            .output();
        assert_eq!(clone.unwrap().status.code(), Some(0));
        assert_eq!(fs::read(world.path("clone/d/a.wasm")).unwrap(), module(1));
    }
}

#[test]
fn init_creates_a_store_once() {
    let world = World::empty();
    let root = world.root();
    let created = world.json(&["init"]);
    let expected = json!({ "root": root.to_str(), "object_format": "sha1", "created": true });
    assert_eq!(created, expected);
    world.add("a.wasm", 1);
    let before = world.state();
    assert_eq!(world.json(&["init"])["created"], false);
    assert_eq!(world.ok(&["init", "--object-format", "sha1"]), "");
    assert_eq!(world.state(), before);
    let other = world.fails(4, &["init", "--object-format", "sha256"]);
    assert_eq!(other, format!("{root:?} is already a sha1 store"));
    assert_eq!(world.run(&["init", "--object-format", "md5"]).code, Some(2));
    assert_eq!(
        world.ok(&["init", "--object-format", "sha256", "--root", "b"]),
        ""
    );
    let mut git = world.command("git");
    let format = git
        .args(["--git-dir", "b", "rev-parse", "--show-object-format"])
        .output();
    assert_eq!(format.unwrap().stdout, b"sha256\n");
    assert_eq!(
        world.json(&["init", "--root", "b"])["object_format"],
        "sha256"
    );
}

#[test]
fn completions_need_no_store_and_no_home() {
    let world = World::empty();
    for (shell, mark) in [
        ("bash", "complete -F _wasmstore"),
        ("zsh", "#compdef wasmstore"),
        ("fish", "complete -c wasmstore"),
    ] {
        let mut command = world.wasmstore(&["completions", shell]);
        let script = command.env_remove("HOME").output().unwrap().stdout;
        let script = String::from_utf8(script).unwrap();
        assert!(script.contains(mark), "{shell}");
    }
    for shell in ["elvish", "powershell"] {
        let script = world.ok(&["completions", shell]);
        for (part, is_in) in [("root", true), ("mirror", true), ("hook", false)] {
            assert_eq!(script.contains(part), is_in, "{shell}: {part}");
        }
    }
    let json = world.json(&["completions", "bash"]);
    assert_eq!(json["shell"], "bash");
    assert_eq!(json["script"], world.ok(&["completions", "bash"]));
    assert_eq!(world.run(&["completions", "tcsh9"]).code, Some(2));
}

#[test]
fn output_file_is_replaced_but_a_pipe_is_written() {
    let world = World::with_store("sha1");
    world.file("a.wasm", module(1));
    world.changes(&["add", "a.wasm"]);
    world.file("real", "old");
    std::os::unix::fs::symlink("real", world.path("link")).unwrap();
    for command in [&["backup", "link"][..], &["find", "a.wasm", "-o", "link"]] {
        world.file("real", "old");
        assert_eq!(world.ok(command), "");
        assert!(
            fs::symlink_metadata(world.path("link"))
                .unwrap()
                .is_symlink()
        );
        assert_ne!(fs::read(world.path("real")).unwrap(), b"old");
        let reason = world.fails(1, &[&command[..command.len() - 1], &["none/x"]].concat());
        assert!(reason.starts_with("cannot write \"none/x\""), "{reason}");
    }
    assert_eq!(fs::read(world.path("real")).unwrap(), module(1));
    let fifo = world.path("fifo");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let reader = std::thread::spawn(move || fs::read(fifo).unwrap());
    assert_eq!(world.ok(&["find", "a.wasm", "-o", "fifo"]), "");
    assert_eq!(reader.join().unwrap(), module(1));
    assert!(!fs::symlink_metadata(world.path("fifo")).unwrap().is_file());
}
