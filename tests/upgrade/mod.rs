//! Stores that earlier versions made, under `fixtures/stores/`: this version opens them, reads what they read, and goes on.

mod making;
mod older;
mod stored;

use std::fs;
use std::os::unix::fs::MetadataExt;

use rusqlite::Connection;

use stored::{Stored, index_of, told_since};

#[test]
fn what_was_recorded_is_read() {
    for stored in Stored::each() {
        let world = stored.unpacked();
        for (args, out) in &stored.recorded {
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            stored.agrees(&args, &world.ok(&args), out);
        }
    }
}

#[test]
fn no_fault_is_found_before_or_after_a_change() {
    for stored in Stored::each() {
        let world = stored.unpacked();
        let listed = world.ok(&["list"]);
        for at in ["new.wasm", "math/add.wasm"] {
            world.fsck();
            let told = world.ok(&["verify"]);
            assert!(told.ends_with(", faults 0\n"), "{}: {told}", stored.name);
            world.add(at, 4711);
            assert_eq!(world.ok(&["hash", at]).trim(), world.hash(4711));
        }
        let versions = world.ok(&["versions", "math/add.wasm"]);
        assert!(versions.contains(&world.hash(4711)), "{}", stored.name);
        world.changes(&["rollback", "math/add.wasm"]);
        world.changes(&["remove", "new.wasm"]);
        assert_eq!(world.ok(&["list"]), listed, "{}", stored.name);
        world.changes(&["gc"]);
        assert_eq!(world.ok(&["list"]), listed, "{}", stored.name);
    }
}

/// A version with a new schema has to carry over what only the index knows, or to say here from which schema on it is known.
#[test]
fn the_index_is_used_and_remembers_what_gc_dropped() {
    for stored in Stored::each() {
        let world = stored.unpacked();
        let database = index_of(&world);
        let inode = || fs::metadata(&database).map(|file| file.ino()).ok();
        let before = inode();
        assert!(before.is_some(), "{}", stored.name);
        world.ok(&["versions", "math/add.wasm"]);
        world.add("new.wasm", 4711);
        let dropped = stored.dropped.as_str();
        world.fails(1, &["commit", dropped]);
        let line = told_since(&world, dropped);
        assert!(
            line.is_some_and(|line| line.contains("/new.wasm")),
            "{}",
            stored.name
        );
        assert_eq!(
            (index_of(&world), inode()),
            (database.clone(), before),
            "{}",
            stored.name
        );
        world.ok(&["reindex"]);
        assert_eq!(told_since(&world, dropped), None, "{}", stored.name);
    }
}

#[test]
fn an_index_of_a_later_schema_is_left_as_it_is() {
    for stored in Stored::each() {
        let world = stored.unpacked();
        let own = world.root().join("wasmstore");
        let later = own.join("index-v99-7.sqlite");
        fs::rename(index_of(&world), &later).unwrap();
        fs::remove_file(own.join("index")).unwrap();
        fs::write(own.join("index-v99"), "index-v99-7.sqlite").unwrap();
        Connection::open(&later)
            .unwrap()
            .execute_batch("PRAGMA user_version = 99")
            .unwrap();
        let bytes = fs::read(&later).unwrap();
        let args = ["versions", "math/add.wasm"];
        let wanted = &stored
            .recorded
            .iter()
            .find(|(recorded, _)| *recorded == args)
            .unwrap()
            .1;
        stored.agrees(&args, &world.ok(&args), wanted);
        world.ok(&["reindex"]);
        world.add("new.wasm", 4711);
        assert_eq!(fs::read(&later).unwrap(), bytes);
        assert_eq!(
            fs::read(own.join("index-v99")).unwrap(),
            b"index-v99-7.sqlite"
        );
    }
}
