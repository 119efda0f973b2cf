//! Whatever git sends to the hooks, they answer in their protocol or report an error, and the store stays readable.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use wasmstore::names::TreePath;
use wasmstore::remote::receive_hooks::{pre_receive, proc_receive};
use wasmstore::store::{Pusher, Revision};
use wasmstore_fuzz::Scratch;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(scratch());
}

/// The number of branches from which on the store is replaced.
const BRANCHES_MAX: usize = 100;

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    let hooks = scratch.store.install_push_hooks();
    hooks.expect("a new store has no hooks");
    scratch
}

fuzz_target!(|input: &[u8]| {
    SCRATCH.with_borrow_mut(|scratch| {
        let (store, pusher) = (&scratch.store, Pusher::default());
        let tip = store.snapshot(&Revision::default()).expect("a tip");
        // The id of the tip cannot be guessed, and makes updates of refs possible.
        let input = replace(input, 0x01, tip.to_string().as_bytes());
        let _ = pre_receive(store, input.as_slice(), None, &pusher);
        let mut output = Vec::new();
        let ran = proc_receive(store, input.as_slice(), &mut output, &pusher);
        assert!(ran.is_err() || output.ends_with(b"0000"), "{input:?}");
        let listed = store.list(&Revision::default(), &TreePath::root());
        assert_eq!(listed.expect("a readable store").len(), 1);
        if store.branches().expect("a readable store").len() > BRANCHES_MAX {
            *scratch = self::scratch();
        }
    });
});

fn replace(input: &[u8], byte: u8, with: &[u8]) -> Vec<u8> {
    let parts: Vec<_> = input.split(|b| *b == byte).collect();
    parts.join(with)
}
