//! Faults at each step of the write path: errors, short writes, panics, and killed processes.
//!
//! These tests are a program of their own because failpoints are set for the whole process. `FailScenario` runs one test at a time.

mod batches;
mod copies;
mod incomplete_packs;
mod killed;
mod lookups;
mod steps;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod support;

use support::store::Scratch;
use wasmstore::store::Change;

/// Every failpoint that a write of a small module passes, in order. `fsync pack` and `rename pack` are passed twice: by the pack and by
/// its index.
const STEPS: [&str; 11] = [
    "create pack",
    "write pack",
    "write index",
    "fsync pack",
    "rename pack",
    "fsync pack directory",
    "create ref lock",
    "write ref lock",
    "fsync ref lock",
    "rename ref",
    "fsync ref directory",
];
/// The step after the branch has moved.
const LAST: &str = "fsync ref directory";
/// Every failpoint that only a module stored as a loose object passes.
const LARGE_STEPS: [&str; 4] = [
    "write loose",
    "fsync loose",
    "rename loose",
    "fsync loose directory",
];

/// Returns a module of more than 1 MiB, which is stored as a loose object.
fn large_module(n: u32) -> Vec<u8> {
    let mut module = support::store::module(n);
    let mut x = n + 1;
    let noise = std::iter::repeat_with(|| {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 24) as u8
    });
    // A custom section of 1,100,000 bytes, `0xe0_91_43` in LEB128, with the name `x`.
    module.extend([0, 0xe0, 0x91, 0x43, 1, b'x']);
    module.extend(noise.take(1_099_998));
    module
}

/// Checks that the store is sound according to git, and writable.
fn check_sound(s: &Scratch) {
    s.fsck();
    s.put("afterwards", 77);
    assert_eq!(s.value("afterwards"), Some(77));
    s.store
        .remove(
            &Change::default(),
            &"afterwards".parse().unwrap(),
            wasmstore::store::DirectoryRemoval::Refuse,
        )
        .unwrap();
    s.fsck();
}

/// Counts the files left in the directory for temporary files.
fn leftovers(s: &Scratch) -> usize {
    let tmp = s.root.join("wasmstore/tmp");
    std::fs::read_dir(tmp).map_or(0, Iterator::count)
}

/// Counts the files left in the directory in which `gc` creates its files.
fn files_in_gc_dir(s: &Scratch) -> usize {
    std::fs::read_dir(s.root.join("wasmstore/gc")).map_or(0, Iterator::count)
}
