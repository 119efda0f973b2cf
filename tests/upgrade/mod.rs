//! This version opens the stores that earlier versions made, reads the same content, and continues their history. The stores are
//! under `fixtures/stores/`.

mod make_stores;
mod original;
mod stored;

use std::fs;

use rusqlite::Connection;

use stored::{SCHEMA, Stored, first_event_since, index_name, index_of};

#[test]
fn recorded_commands_print_the_same() {
    for stored in Stored::each() {
        let world = stored.unpacked();
        for (args, out) in &stored.recorded {
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            stored.assert_output(&args, &world.ok(&args), out);
        }
    }
}

#[test]
fn verify_finds_no_fault_before_and_after_changes() {
    for stored in Stored::each() {
        let world = stored.unpacked();
        let listed = world.ok(&["list"]);
        for path in ["new.wasm", "math/add.wasm"] {
            world.fsck();
            let report = world.ok(&["verify"]);
            assert!(
                report.ends_with(", faults 0\n"),
                "{}: {report}",
                stored.name
            );
            world.add(path, 4711);
            assert_eq!(world.ok(&["hash", path]).trim(), world.hash(4711));
        }
        let versions = world.ok(&["versions", "math/add.wasm"]);
        assert!(versions.contains(&world.hash(4711)), "{}", stored.name);
        world.changes(&["rollback", "math/add.wasm"]);
        world.changes(&["remove", "new.wasm"]);
        assert_eq!(world.ok(&["list"]), listed, "{}", stored.name);
        world.changes(&["gc", "--quiet"]);
        assert_eq!(world.ok(&["list"]), listed, "{}", stored.name);
    }
}

/// An index of an earlier schema is copied, and then left alone: a program of that version may still use it.
#[test]
fn the_index_is_kept_with_its_entries_of_dropped_commits() {
    for stored in Stored::each() {
        let world = stored.unpacked();
        let database = index_of(&world, stored.schema());
        let content = fs::read(&database).unwrap();
        world.ok(&["versions", "math/add.wasm"]);
        world.add("new.wasm", 4711);
        let dropped = stored.dropped.as_str();
        world.fails(1, &["commit", dropped]);
        let event = first_event_since(&world, dropped);
        assert!(
            event.is_some_and(|event| event.contains("/new.wasm")),
            "{}",
            stored.name
        );
        assert_eq!(index_of(&world, stored.schema()), database);
        if stored.schema() != SCHEMA {
            assert_eq!(fs::read(&database).unwrap(), content, "{}", stored.name);
        }
        world.ok(&["reindex"]);
        assert_eq!(first_event_since(&world, dropped), None, "{}", stored.name);
    }
}

/// The facts about the modules of a store whose index has none are computed when they are needed.
#[test]
fn modules_of_earlier_versions_are_found_by_their_facts() {
    for stored in Stored::each() {
        let world = stored.unpacked();
        let all = world.ok(&["list"]);
        let found = world.ok(&["search", "kind:*"]);
        assert_eq!(found, all, "{}", stored.name);
    }
}

#[test]
fn an_index_of_a_later_schema_is_not_touched() {
    for stored in Stored::each() {
        let world = stored.unpacked();
        let own_dir = world.root().join("wasmstore");
        let later = own_dir.join("index-v99-7.sqlite");
        fs::rename(index_of(&world, stored.schema()), &later).unwrap();
        fs::remove_file(own_dir.join(index_name(stored.schema()))).unwrap();
        fs::write(own_dir.join("index-v99"), "index-v99-7.sqlite").unwrap();
        Connection::open(&later)
            .unwrap()
            .execute_batch("PRAGMA user_version = 99")
            .unwrap();
        let bytes = fs::read(&later).unwrap();
        let args = ["versions", "math/add.wasm"];
        let expected = &stored
            .recorded
            .iter()
            .find(|(recorded, _)| *recorded == args)
            .unwrap()
            .1;
        stored.assert_output(&args, &world.ok(&args), expected);
        world.ok(&["reindex"]);
        world.add("new.wasm", 4711);
        assert_eq!(fs::read(&later).unwrap(), bytes);
        assert_eq!(
            fs::read(own_dir.join("index-v99")).unwrap(),
            b"index-v99-7.sqlite"
        );
    }
}
