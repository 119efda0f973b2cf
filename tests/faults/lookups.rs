//! What a lookup reads, counted at a failpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fail::FailScenario;
use wasmstore::names::{Digest, HashRef, ModuleRef};
use wasmstore::store::Revision;

use super::support::store::{Scratch, branch};

/// Returns how many refs are read one by one, outside of a listing, to look up an unknown digest in a store with this many branches.
fn single_refs_read(branches: usize) -> usize {
    let s = Scratch::new();
    s.put("a", 1);
    for n in 0..branches {
        s.store
            .create_branch(&branch(&n.to_string()), &Revision::default())
            .unwrap();
    }
    let unknown = ModuleRef::Hash(HashRef::Digest(Digest::from_bytes([7; 32])));
    let contains = || s.store.contains(&Revision::default(), &unknown).unwrap();
    // The first lookup brings the index up to date.
    assert!(!contains());
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let count = move || {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    fail::cfg_callback("read ref", count).unwrap();
    assert!(!contains());
    fail::remove("read ref");
    reads.load(Ordering::Relaxed)
}

#[test]
fn unknown_digest_is_looked_up_without_reading_each_branch() {
    let scenario = FailScenario::setup();
    let reads = single_refs_read(2);
    assert!(reads > 0);
    assert_eq!(single_refs_read(50), reads);
    scenario.teardown();
}
