//! Whatever happens to the index's files, the answers are the same.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use wasmstore::config::Options;
use wasmstore::store::{DerivedFaults, Finding, Revision, Store};

use crate::support::program::{World, permissions_bind};
use crate::support::store::{Scratch, path};

fn scratch() -> Scratch {
    let s = Scratch::new();
    for n in 0..12 {
        s.put(["a", "b/c", "b/d"][n as usize % 3], n);
    }
    s
}

fn answers(store: &Store) -> Vec<String> {
    let versions = |at| store.versions(&Revision::default(), &path(at)).unwrap();
    ["a", "b/c", "b/d", "e"]
        .map(|at| format!("{:?}", versions(at)))
        .to_vec()
}

/// The folder of our own files.
fn own(s: &Scratch) -> PathBuf {
    s.root.join("wasmstore")
}

/// The current database.
fn database(s: &Scratch) -> PathBuf {
    own(s).join(fs::read_to_string(own(s).join("index")).unwrap())
}

fn databases(s: &Scratch) -> Vec<String> {
    let names = fs::read_dir(own(s)).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".sqlite")).collect();
    names.sort();
    names
}

fn sql(database: &Path, text: &str) {
    Connection::open(database)
        .unwrap()
        .execute_batch(text)
        .unwrap();
}

#[test]
fn a_file_that_cannot_be_used_is_made_anew() {
    type Damage = fn(&Scratch);
    let damages: [(&str, Damage); 9] = [
        ("no index at all", |s| {
            fs::remove_file(own(s).join("index")).unwrap();
            fs::remove_file(own(s).join(&databases(s)[0])).unwrap();
        }),
        ("a name without a file", |s| {
            fs::remove_file(database(s)).unwrap()
        }),
        ("a file without a name", |s| {
            fs::remove_file(own(s).join("index")).unwrap()
        }),
        ("a name that is none", |s| {
            fs::write(own(s).join("index"), "../../HEAD").unwrap()
        }),
        ("an empty file", |s| fs::write(database(s), "").unwrap()),
        ("something else", |s| {
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
        let before = answers(&s.store);
        let damaged = databases(&s);
        // Nobody has it open while it is damaged.
        s.store = Store::open(&s.root.with_extension("none"), Options::default()).unwrap();
        damage(&s);
        s.reopen();
        assert_eq!(answers(&s.store), before, "{what}");
        s.put("e", 1);
        assert_eq!(
            s.store
                .versions(&Revision::default(), &path("e"))
                .unwrap()
                .len(),
            1,
            "{what}"
        );
        let now = databases(&s);
        assert_ne!(now, damaged, "{what}: a number is not used twice");
        // One whose name was lost stays for a while: somebody may be making it.
        let is_lost = what == "a file without a name" || what == "a name that is none";
        assert_eq!(now.len(), 1 + usize::from(is_lost), "{what}: {now:?}");
    }
}

/// What is a pipe would be waited for, by every command and every thread of a server.
#[test]
fn what_is_no_file_is_not_waited_for() {
    for suffix in [None, Some(""), Some("-wal"), Some("-shm"), Some("-journal")] {
        let world = World::with_store("sha1");
        world.add("a", 1);
        let before = world.ok(&["versions", "a"]);
        let own = world.root().join("wasmstore");
        let name = own.join("index");
        let pipe = match suffix {
            None => name.clone(),
            Some(suffix) => own.join(fs::read_to_string(&name).unwrap() + suffix),
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
        let mut asked = world.wasmstore(&["versions", "a"]);
        let mut asked = asked.stdout(Stdio::piped()).spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while asked.try_wait().unwrap().is_none() {
            if Instant::now() > until {
                asked.kill().unwrap();
                panic!("{suffix:?}: it waits");
            }
            thread::sleep(Duration::from_millis(5));
        }
        let output = asked.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), before);
        assert!(fs::symlink_metadata(&name).unwrap().is_file(), "{suffix:?}");
        assert_eq!(world.ok(&["verify"]).matches("faults 0").count(), 1);
    }
}

#[test]
fn an_index_that_is_deleted_in_use_is_made_anew() {
    let s = scratch();
    let before = answers(&s.store);
    for entry in fs::read_dir(own(&s)).unwrap() {
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
    assert_eq!(answers(&s.store), before);
    s.put("e", 1);
    let again = Store::open(&s.root, Options::default()).unwrap();
    assert_eq!(answers(&again), answers(&s.store));
    assert_eq!(databases(&s).len(), 1);
}

#[test]
fn another_process_that_makes_a_new_index_is_followed() {
    let s = scratch();
    let before = answers(&s.store);
    let old = databases(&s);
    let other = Store::open(&s.root, Options::default()).unwrap();
    assert_eq!(other.reindex().unwrap(), 13);
    let new = databases(&s);
    assert_ne!(new, old);
    assert_eq!(answers(&s.store), before);
    s.put("e", 1);
    assert_eq!(databases(&s), new);
    assert_eq!(answers(&other), answers(&s.store));
}

#[test]
fn an_index_that_is_behind_catches_up() {
    let s = scratch();
    let behind = own(&s).join("behind");
    answers(&s.store);
    Connection::open(database(&s))
        .unwrap()
        .execute("VACUUM INTO ?", [behind.to_str()])
        .unwrap();
    for n in 20..30 {
        s.put("a", n);
    }
    let now = answers(&s.store);
    let old = own(&s).join("index-7.sqlite");
    fs::rename(behind, &old).unwrap();
    fs::write(own(&s).join("index"), "index-7.sqlite").unwrap();
    assert_eq!(
        answers(&Store::open(&s.root, Options::default()).unwrap()),
        now
    );
}

#[test]
fn a_store_that_cannot_be_written_is_answered_all_the_same() {
    let mut s = scratch();
    let before = answers(&s.store);
    // Nobody has the index open: it is copied.
    s.store = Store::open(&s.root.with_extension("none"), Options::default()).unwrap();
    for is_indexed in [true, false] {
        if !is_indexed {
            fs::remove_file(own(&s).join("index")).unwrap();
        }
        let database = databases(&s).into_iter().map(|name| own(&s).join(name));
        for file in database {
            fs::set_permissions(file, fs::Permissions::from_mode(0o444)).unwrap();
        }
        if !permissions_bind(&own(&s)) {
            println!("skipped: permissions do not bind this user");
            return;
        }
        let set = |mode| fs::set_permissions(own(&s), fs::Permissions::from_mode(mode)).unwrap();
        set(0o555);
        let store = Store::open(&s.root, Options::default()).unwrap();
        let got = answers(&store);
        set(0o755);
        assert_eq!(got, before);
    }
}

#[test]
fn verify_tells_what_the_index_has_wrong_and_repairs_it() {
    let wrongs = [
        "UPDATE changes SET own = 1 - own WHERE path = (SELECT max(path) FROM changes)",
        "DELETE FROM changes WHERE path = (SELECT max(path) FROM changes)",
        "UPDATE commits SET mdate = mdate + 1 WHERE gen = 3",
        "UPDATE modules SET sha256 = zeroblob(32) WHERE id = 2",
        "UPDATE commits SET tree = zeroblob(20) WHERE gen = 2",
        "UPDATE paths SET path = CAST('zz' AS BLOB) WHERE path = CAST('a' AS BLOB)",
    ];
    for wrong in wrongs {
        let s = scratch();
        let before = answers(&s.store);
        assert_eq!(
            faults(&s.store, DerivedFaults::Report),
            Vec::<String>::new(),
            "{wrong}"
        );
        sql(&database(&s), wrong);
        let told = faults(&s.store, DerivedFaults::Report);
        assert!(!told.is_empty(), "{wrong}");
        assert!(
            told.iter()
                .all(|fault| fault.starts_with("version index: ")),
            "{told:?}"
        );
        assert_eq!(faults(&s.store, DerivedFaults::Repair), told);
        assert_eq!(
            faults(&s.store, DerivedFaults::Report),
            Vec::<String>::new()
        );
        assert_eq!(answers(&s.store), before);
    }
}

fn faults(store: &Store, derived: DerivedFaults) -> Vec<String> {
    let mut faults = Vec::new();
    let mut report = |finding| match finding {
        Finding::Fault(fault) => faults.push(format!("{}: {}", fault.subject, fault.reason)),
        Finding::Foreign(at) => panic!("{at:?}"),
    };
    store.verify(derived, &mut report, &mut || ()).unwrap();
    faults
}
