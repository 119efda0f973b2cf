//! Faults at each step of the write path: errors, short writes, panics, and the end of the process.
//!
//! In a program of their own: a point that is set to fail is so for the whole process, and only one test at a time has any.

mod batches;
mod killed;
mod steps;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod support;

use support::store::Scratch;
use wasmstore::store::Change;

/// Every point that a change of a small module passes, in order. The pack and its index are flushed and renamed one after the
/// other.
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
/// The one after which the branch has moved.
const LAST: &str = "fsync ref directory";
/// Every point that only a module passes that has a file of its own.
const LARGE_STEPS: [&str; 4] = [
    "write loose",
    "fsync loose",
    "rename loose",
    "fsync loose directory",
];

/// A module of more than 1 MiB, which has a file of its own.
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

/// What a store has to be after whatever happened to it: sound, writable, and without leftovers.
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

/// What is left in the folder for temporary files.
fn leftovers(s: &Scratch) -> usize {
    let tmp = s.root.join("wasmstore/tmp");
    std::fs::read_dir(tmp).map_or(0, Iterator::count)
}

/// What is left in the folder in which `gc` makes its files.
fn in_gc(s: &Scratch) -> usize {
    std::fs::read_dir(s.root.join("wasmstore/gc")).map_or(0, Iterator::count)
}
