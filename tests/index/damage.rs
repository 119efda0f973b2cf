//! Queries return the same results after the index files were damaged, deleted or replaced.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use wasmstore::config::Options;
use wasmstore::store::{DerivedFaults, Finding, Revision, Store};

use crate::support::program::{World, permissions_are_enforced};
use crate::support::store::{Scratch, path};

fn scratch() -> Scratch {
    let s = Scratch::new();
    for n in 0..12 {
        s.put(["a", "b/c", "b/d"][n as usize % 3], n);
    }
    s
}

fn query_versions(store: &Store) -> Vec<String> {
    let versions = |text| store.versions(&Revision::default(), &path(text)).unwrap();
    ["a", "b/c", "b/d", "e"]
        .map(|text| format!("{:?}", versions(text)))
        .to_vec()
}

/// Returns `ROOT/wasmstore`, the directory of wasmstore's own files.
fn own_dir(s: &Scratch) -> PathBuf {
    s.root.join("wasmstore")
}

/// Returns the path of the current database.
fn database(s: &Scratch) -> PathBuf {
    own_dir(s).join(fs::read_to_string(own_dir(s).join("index-v2")).unwrap())
}

/// Returns the names of all database files, sorted.
fn databases(s: &Scratch) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(own_dir(s))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sqlite"))
        .collect();
    names.sort();
    names
}

/// Runs SQL statements on a database.
fn sql(database: &Path, text: &str) {
    Connection::open(database)
        .unwrap()
        .execute_batch(text)
        .unwrap();
}

#[test]
fn an_unusable_database_is_rebuilt() {
    type Damage = fn(&Scratch);
    let damages: [(&str, Damage); 9] = [
        ("no index", |s| {
            fs::remove_file(own_dir(s).join("index-v2")).unwrap();
            fs::remove_file(own_dir(s).join(&databases(s)[0])).unwrap();
        }),
        ("a name without a file", |s| {
            fs::remove_file(database(s)).unwrap()
        }),
        ("a file without a name", |s| {
            fs::remove_file(own_dir(s).join("index-v2")).unwrap()
        }),
        ("an invalid name", |s| {
            fs::write(own_dir(s).join("index-v2"), "../../HEAD").unwrap()
        }),
        ("an empty file", |s| fs::write(database(s), "").unwrap()),
        ("arbitrary bytes", |s| {
            fs::write(database(s), [7; 9000]).unwrap()
        }),
        ("half a file", |s| {
            let file = fs::OpenOptions::new()
                .write(true)
                .open(database(s))
                .unwrap();
            file.set_len(4096 * 3).unwrap();
        }),
        ("another schema", |s| {
            sql(&database(s), "PRAGMA user_version = 99")
        }),
        ("a missing table", |s| {
            sql(&database(s), "DROP TABLE changes")
        }),
    ];
    for (what, damage) in damages {
        let mut s = scratch();
        let before = query_versions(&s.store);
        let damaged = databases(&s);
        // Closes the database before it is damaged.
        s.store = Store::open(&s.root.with_extension("none"), Options::default()).unwrap();
        damage(&s);
        s.reopen();
        assert_eq!(query_versions(&s.store), before, "{what}");
        s.put("e", 1);
        assert_eq!(
            s.store
                .versions(&Revision::default(), &path("e"))
                .unwrap()
                .len(),
            1,
            "{what}"
        );
        let rebuilt = databases(&s);
        assert_ne!(rebuilt, damaged, "{what}: no number is reused");
        // A database without a recorded name is kept for a while, because another process may be creating it.
        let is_unnamed = what == "a file without a name" || what == "an invalid name";
        assert_eq!(
            rebuilt.len(),
            1 + usize::from(is_unnamed),
            "{what}: {rebuilt:?}"
        );
    }
}

/// Opening a pipe blocks, and would block every command and every thread of a server.
#[test]
fn a_pipe_in_place_of_an_index_file_does_not_block() {
    for suffix in [None, Some(""), Some("-wal"), Some("-shm"), Some("-journal")] {
        let world = World::with_store("sha1");
        world.add("a", 1);
        let before = world.ok(&["versions", "a"]);
        let own_dir = world.root().join("wasmstore");
        let name = own_dir.join("index-v2");
        let pipe = match suffix {
            None => name.clone(),
            Some(suffix) => own_dir.join(fs::read_to_string(&name).unwrap() + suffix),
        };
        let _ = fs::remove_file(&pipe);
        assert!(
            world
                .command("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let mut child = world
            .wasmstore(&["versions", "a"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("{suffix:?}: the command blocks");
            }
            thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), before);
        assert!(fs::symlink_metadata(&name).unwrap().is_file(), "{suffix:?}");
        assert_eq!(world.ok(&["verify"]).matches("faults 0").count(), 1);
    }
}

#[test]
fn an_index_deleted_while_in_use_is_rebuilt() {
    let s = scratch();
    let before = query_versions(&s.store);
    for entry in fs::read_dir(own_dir(&s)).unwrap() {
        let file = entry.unwrap().path();
        if file
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("index")
        {
            fs::remove_file(file).unwrap();
        }
    }
    assert_eq!(query_versions(&s.store), before);
    s.put("e", 1);
    let again = Store::open(&s.root, Options::default()).unwrap();
    assert_eq!(query_versions(&again), query_versions(&s.store));
    assert_eq!(databases(&s).len(), 1);
}

#[test]
fn an_index_rebuilt_by_another_process_is_used() {
    let s = scratch();
    let before = query_versions(&s.store);
    let old = databases(&s);
    let other = Store::open(&s.root, Options::default()).unwrap();
    assert_eq!(other.reindex().unwrap(), 13);
    let new = databases(&s);
    assert_ne!(new, old);
    assert_eq!(query_versions(&s.store), before);
    s.put("e", 1);
    assert_eq!(databases(&s), new);
    assert_eq!(query_versions(&other), query_versions(&s.store));
}

#[test]
fn an_outdated_index_catches_up() {
    let s = scratch();
    let behind = own_dir(&s).join("behind");
    query_versions(&s.store);
    Connection::open(database(&s))
        .unwrap()
        .execute("VACUUM INTO ?", [behind.to_str()])
        .unwrap();
    for n in 20..30 {
        s.put("a", n);
    }
    let now = query_versions(&s.store);
    let old = own_dir(&s).join("index-v2-7.sqlite");
    fs::rename(behind, &old).unwrap();
    fs::write(own_dir(&s).join("index-v2"), "index-v2-7.sqlite").unwrap();
    assert_eq!(
        query_versions(&Store::open(&s.root, Options::default()).unwrap()),
        now
    );
}

#[test]
fn a_read_only_store_answers_history_queries() {
    let mut s = scratch();
    let before = query_versions(&s.store);
    // Closes the database, because only an unused one is copied.
    s.store = Store::open(&s.root.with_extension("none"), Options::default()).unwrap();
    for is_indexed in [true, false] {
        if !is_indexed {
            fs::remove_file(own_dir(&s).join("index-v2")).unwrap();
        }
        for name in databases(&s) {
            fs::set_permissions(own_dir(&s).join(name), fs::Permissions::from_mode(0o444)).unwrap();
        }
        if !permissions_are_enforced(&own_dir(&s)) {
            println!("skipped: permissions do not bind this user");
            return;
        }
        let set_mode =
            |mode| fs::set_permissions(own_dir(&s), fs::Permissions::from_mode(mode)).unwrap();
        set_mode(0o555);
        let store = Store::open(&s.root, Options::default()).unwrap();
        let got = query_versions(&store);
        set_mode(0o755);
        assert_eq!(got, before);
    }
}

#[test]
fn verify_reports_and_repairs_a_wrong_index() {
    let corruptions = [
        "UPDATE facts SET facts = zeroblob(9)",
        "UPDATE changes SET own = 1 - own WHERE path = (SELECT max(path) FROM changes)",
        "DELETE FROM changes WHERE path = (SELECT max(path) FROM changes)",
        "UPDATE commits SET mdate = mdate + 1 WHERE gen = 3",
        "UPDATE modules SET sha256 = zeroblob(32) WHERE id = 2",
        "UPDATE commits SET tree = zeroblob(20) WHERE gen = 2",
        "UPDATE paths SET path = CAST('zz' AS BLOB) WHERE path = CAST('a' AS BLOB)",
    ];
    for corruption in corruptions {
        let s = scratch();
        let before = query_versions(&s.store);
        s.store.complete_facts(&Revision::default()).unwrap();
        assert_eq!(
            faults(&s.store, DerivedFaults::Report),
            Vec::<String>::new(),
            "{corruption}"
        );
        sql(&database(&s), corruption);
        let reported = faults(&s.store, DerivedFaults::Report);
        assert!(!reported.is_empty(), "{corruption}");
        assert!(
            reported
                .iter()
                .all(|fault| fault.starts_with("version index: ")),
            "{reported:?}"
        );
        assert_eq!(faults(&s.store, DerivedFaults::Repair), reported);
        assert_eq!(
            faults(&s.store, DerivedFaults::Report),
            Vec::<String>::new()
        );
        assert_eq!(query_versions(&s.store), before);
    }
}

fn faults(store: &Store, derived: DerivedFaults) -> Vec<String> {
    let mut faults = Vec::new();
    let mut report = |finding| match finding {
        Finding::Fault(fault) => faults.push(format!("{}: {}", fault.subject, fault.reason)),
        Finding::Foreign(location) => panic!("{location:?}"),
    };
    store.verify(derived, &mut report, &mut || ()).unwrap();
    faults
}
