//! The store and the modules of the tests on a full disk.

use super::disk::SmallDisk;
use crate::support::store::custom_section;

/// Returns a module of about this size that cannot be compressed, distinct for each seed.
pub fn incompressible(seed: u64, size_bytes: usize) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    custom_section((0..size_bytes).map(|_| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 32) as u8
    }))
}

/// The contents of the store that the changes refer to.
pub struct StoreContent {
    /// The hash of the module at `/a/b.wasm`.
    pub hash: String,
    /// A commit with an older module at `/a/b.wasm`.
    pub old: String,
}

/// Creates a disk with a store that every change can be applied to: two modules with a history, and a branch to merge.
pub fn disk() -> Option<(SmallDisk, StoreContent)> {
    let disk = SmallDisk::with_store()?;
    let world = &disk.world;
    world.file("m", incompressible(1, 9000));
    world.ok(&["add", "m", "a/b.wasm"]);
    let old = world.tip();
    world.ok(&["branch", "other"]);
    world.file("m", incompressible(2, 9000));
    let hash = world.ok(&["add", "m", "a/b.wasm"]).trim_end().to_owned();
    world.file("m", incompressible(3, 9000));
    world.ok(&["add", "m", "c.wasm"]);
    world.file("m", incompressible(4, 9000));
    world.ok(&["add", "--branch", "other", "m", "d.wasm"]);
    Some((disk, StoreContent { hash, old }))
}
