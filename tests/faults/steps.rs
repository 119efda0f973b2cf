//! One step of a write fails.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fail::FailScenario;
use wasmstore::store::{Change, Error, ErrorKind, History, Revision};

use super::support::store::{Scratch, module, path};
use super::{LARGE_STEPS, LAST, STEPS, check_sound, files_in_gc_dir, large_module, leftovers};

/// Error numbers (errno(3)), and the kinds of error that they cause: no space left, input or output error.
const FAULTS: [(i32, ErrorKind); 2] = [(28, ErrorKind::Full), (5, ErrorKind::Unavailable)];

/// Puts a module while the step fails when it is passed for the (n + 1)th time. Succeeds if the step is passed fewer times.
fn put_with(s: &Scratch, step: &str, n: usize, action: &str, bytes: &[u8]) -> Result<(), Error> {
    fail::cfg(step, &format!("{n}*off->1*{action}")).unwrap();
    let put = s.store.put(&Change::default(), &path("b"), bytes);
    fail::remove(step);
    put.map(drop)
}

fn each_fault_of(steps: &[&str], bytes: &[u8]) {
    let scenario = FailScenario::setup();
    let mut faults = 0;
    for step in steps {
        for (errno, kind) in FAULTS {
            for n in 0.. {
                let s = Scratch::new();
                s.put("a", 1);
                let before = s.tip();
                let result = put_with(&s, step, n, &format!("return({errno})"), bytes);
                let case = format!("{step}, time {n}, error {errno}");
                let Err(error) = result else {
                    assert!(n > 0, "{case}: the step was never reached");
                    break;
                };
                faults += 1;
                assert_eq!(error.kind(), kind, "{case}: {error}");
                if *step == LAST {
                    assert_eq!(
                        error.to_string(),
                        "the change may have been applied",
                        "{case}"
                    );
                } else {
                    assert_eq!(s.tip(), before, "{case}");
                    assert_eq!(s.content(), "/a=1", "{case}");
                }
                assert_eq!(leftovers(&s), 0, "{case}");
                s.store.put(&Change::default(), &path("b"), bytes).unwrap();
                assert_eq!(
                    s.store
                        .list(&Revision::default(), &"".parse().unwrap())
                        .unwrap()
                        .len(),
                    2
                );
                check_sound(&s);
            }
        }
    }
    assert!(faults >= 2 * steps.len(), "{faults}");
    scenario.teardown();
}

#[test]
fn an_error_at_any_step_leaves_the_store_unchanged_and_usable() {
    each_fault_of(&STEPS, &module(2));
}

#[test]
fn an_error_while_storing_a_large_module_leaves_the_store_unchanged_and_usable() {
    each_fault_of(&LARGE_STEPS, &large_module(2));
}

#[test]
fn a_panic_at_any_step_affects_only_its_own_request() {
    let scenario = FailScenario::setup();
    for step in STEPS {
        let s = Scratch::new();
        s.put("a", 1);
        fail::cfg(step, "1*panic").unwrap();
        let put = std::thread::scope(|threads| {
            let put = || {
                s.store
                    .put(&Change::default(), &path("b"), module(2).as_slice())
            };
            threads.spawn(put).join()
        });
        fail::remove(step);
        assert!(put.is_err(), "{step}: it panicked");
        let expected = if step == LAST { "/a=1 /b=2" } else { "/a=1" };
        assert_eq!(s.content(), expected, "{step}");
        assert_eq!(leftovers(&s), 0, "{step}");
        check_sound(&s);
    }
    scenario.teardown();
}

#[test]
fn a_roll_up_whose_note_cannot_be_written_is_repeated() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    fail::cfg("write roll-up note", "1*return(28)").unwrap();
    for n in 0..200 {
        s.put(&format!("{}/{n}", n % 3), n);
    }
    fail::remove("write roll-up note");
    for n in 0..200 {
        assert_eq!(s.value(&format!("{}/{n}", n % 3)), Some(n));
    }
    check_sound(&s);
    let packs = std::fs::read_dir(s.root.join("objects/pack"))
        .unwrap()
        .count()
        / 2;
    assert!(packs < 200, "{packs} packs");
    scenario.teardown();
}

#[test]
fn packs_are_rolled_up_during_a_long_backup() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    s.put("a", 1);
    let backup = std::fs::File::create(s.root.join("wasmstore/backup.lock")).unwrap();
    backup.lock().unwrap();
    for n in 0..300 {
        s.put(&format!("{}/{n}", n % 3), n % 200);
    }
    let packs = std::fs::read_dir(s.root.join("objects/pack"))
        .unwrap()
        .count()
        / 2;
    assert!(packs < 200, "{packs} packs");
    drop(backup);
    check_sound(&s);
    scenario.teardown();
}

#[test]
fn gc_succeeds_when_its_commit_graph_cannot_be_installed() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    s.put("a", 1);
    let gc = || s.store.gc(&Change::default(), History::Squash);
    gc().unwrap();
    let graph = s.root.join("objects/info/commit-graph");
    assert!(graph.exists());
    s.put("a", 2);
    // Read-only file system, no space left.
    for errno in [30, 28] {
        fail::cfg("rename graph", &format!("1*return({errno})")).unwrap();
        gc().unwrap();
        fail::remove("rename graph");
        assert!(!graph.exists(), "gc removed the old commit-graph");
        assert_eq!(files_in_gc_dir(&s), 0);
        check_sound(&s);
    }
    gc().unwrap();
    assert!(graph.exists());
    scenario.teardown();
}

/// Puts a module, collects garbage, and returns how many files a change fsyncs whose content is in the store. If `reappears`, another process has
/// written the two files of the first pack again before that.
fn fsynced_after_gc(reappears: bool) -> usize {
    let s = Scratch::new();
    s.put("a", 1);
    let entries = fs::read_dir(s.root.join("objects/pack")).unwrap();
    let old: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|file| (file.clone(), fs::read(file).unwrap()))
        .collect();
    assert_eq!(old.len(), 2);
    // The repository is opened again, so gix does not have the old pack open any more.
    s.store.gc(&Change::default(), History::Squash).unwrap();
    assert!(old.iter().all(|(file, _)| !file.exists()));
    s.put("b", 2);
    for (file, bytes) in old.iter().filter(|_| reappears) {
        fs::write(file, bytes).unwrap();
    }
    let fsynced = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&fsynced);
    let count = move || {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    fail::cfg_callback("fsync found pack", count).unwrap();
    s.put("c", 1);
    fail::remove("fsync found pack");
    check_sound(&s);
    fsynced.load(Ordering::Relaxed)
}

#[test]
fn a_pack_that_appears_again_after_a_gc_is_fsynced() {
    let scenario = FailScenario::setup();
    assert_eq!(fsynced_after_gc(true), fsynced_after_gc(false) + 2);
    scenario.teardown();
}
