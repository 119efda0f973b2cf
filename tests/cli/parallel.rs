//! Many processes that write at the same time.

use std::collections::BTreeSet;

use crate::support::program::{World, module};

const PROCESSES: u32 = 10;

/// Runs ten processes at a time, each of which adds `each` modules, on a store that does not exist at first.
fn add_in_parallel(each: u32) {
    let world = World::empty();
    std::thread::scope(|scope| {
        for process in 0..PROCESSES {
            let world = &world;
            scope.spawn(move || {
                for n in process * each..(process + 1) * each {
                    let (file, path) = (format!("{n}.wasm"), format!("p{process}/{n}.wasm"));
                    world.file(&file, module(n));
                    world.ok(&["add", &file, &path]);
                }
            });
        }
    });
    world.fsck();
    let all = PROCESSES * each;
    assert_eq!(
        world.git(&["rev-list", "--count", "--first-parent", "HEAD"]),
        (all + 1).to_string()
    );
    let subjects = world.git(&["log", "--format=%s"]);
    let subjects: BTreeSet<_> = subjects
        .lines()
        .filter(|s| s.starts_with("Import "))
        .collect();
    assert_eq!(
        subjects.len(),
        all as usize,
        "every write has its own commit"
    );
    let list = world.ok(&["list"]);
    let expected: BTreeSet<_> = (0..all)
        .map(|n| format!("{}\t/p{}/{n}.wasm", world.hash(n), n / each))
        .collect();
    assert_eq!(
        list.lines().map(str::to_owned).collect::<BTreeSet<_>>(),
        expected
    );
}

#[test]
fn no_write_of_ten_processes_is_lost() {
    add_in_parallel(20);
}

#[test]
#[ignore = "takes minutes: 2,000 commits"]
fn no_write_of_ten_processes_is_lost_over_time() {
    add_in_parallel(200);
}
