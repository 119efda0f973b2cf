//! A pack without an index while `gc` runs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fail::FailScenario;
use wasmstore::store::{Change, History};

use super::check_sound;
use super::support::store::{Scratch, module, path};

/// Returns the packs in the repository that have an index, or those that have none.
fn packs(s: &Scratch, has_index: bool) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(s.root.join("objects/pack")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let packs = paths.filter(|path| path.extension().is_some_and(|name| name == "pack"));
    packs
        .filter(|pack| pack.with_extension("idx").exists() == has_index)
        .collect()
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_pack_that_is_completed_during_gc_stays() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    s.put("a", 1);
    s.put("b", 2);
    // The writer waits before it renames the index of its pack.
    fail::cfg("rename pack", "1*off->1*pause").unwrap();
    std::thread::scope(|scope| {
        let put = scope.spawn(|| {
            s.store
                .put(&Change::default(), &path("c"), module(3).as_slice())
        });
        wait_until("the pack has no index", || packs(&s, false).len() == 1);
        let gc = scope.spawn(|| s.store.gc(&Change::default(), History::Keep));
        // gc has listed what it may delete once it has packed what refs reach; then it waits for the writer.
        wait_until("gc has written a pack", || packs(&s, true).len() == 3);
        fail::remove("rename pack");
        put.join().unwrap().unwrap();
        gc.join().unwrap().unwrap();
    });
    check_sound(&s);
    assert_eq!(s.content(), "/a=1 /b=2 /c=3");
    scenario.teardown();
}

#[test]
fn gc_removes_a_pack_whose_writer_was_killed_before_the_index() {
    // Failpoints are global: this keeps tests that turn them on away.
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    s.put("a", 1);
    let pack = format!("objects/pack/pack-{}.pack", "1".repeat(40));
    std::fs::write(s.root.join(&pack), b"PACK").unwrap();
    s.store.gc(&Change::default(), History::Keep).unwrap();
    assert!(!s.root.join(&pack).exists());
    check_sound(&s);
    scenario.teardown();
}
