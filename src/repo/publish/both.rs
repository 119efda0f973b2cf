//! Two things at the same time: flushes wait for the disk, which takes several at once.

use std::panic;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does one thing here and another beside it, in a thread of its own if there is one to be had, and returns what both returned.
///
/// # Panics
/// If one of them panics, when both are over.
pub(crate) fn both<A: Send, B>(
    beside: impl FnOnce() -> A + Send,
    here: impl FnOnce() -> B,
) -> (A, B) {
    let beside = Mutex::new(Some(beside));
    let run = || {
        let beside = beside.lock().unwrap_or_else(PoisonError::into_inner).take();
        beside.map(|beside| beside())
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("flush".to_owned());
        let spawned = thread.spawn_scoped(scope, run);
        let b = here();
        let a = match spawned {
            Ok(spawned) => spawned
                .join()
                .unwrap_or_else(|panic| panic::resume_unwind(panic)),
            Err(_) => run(),
        };
        (a.expect("BUG: it is run once"), b)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_done_and_each_panic_is_heard_when_the_other_is_over() {
        assert_eq!(both(|| 1, || "here"), (1, "here"));
        for first in [true, false] {
            let done = Mutex::new(0);
            let work = |fails: bool| {
                if fails {
                    panic::resume_unwind(Box::new("it failed"));
                }
                thread::sleep(std::time::Duration::from_millis(20));
                *done.lock().unwrap() += 1;
            };
            let result = panic::catch_unwind(panic::AssertUnwindSafe(|| {
                both(|| work(first), || work(!first))
            }));
            assert_eq!(result.unwrap_err().downcast_ref(), Some(&"it failed"));
            assert_eq!(*done.lock().unwrap(), 1);
        }
    }
}
