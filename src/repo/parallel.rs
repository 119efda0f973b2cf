//! Running two steps in parallel: an fsync waits for the disk, which can serve several fsyncs at once.

use std::panic;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Runs `on_this_thread` in the calling thread and `on_other_thread` in a new one, and returns the results of both. If no thread
/// can be created, runs `on_other_thread` in the calling thread afterwards.
///
/// # Panics
/// If one of the two panics, this function panics after both have ended.
pub(crate) fn in_parallel<A: Send, B>(
    on_other_thread: impl FnOnce() -> A + Send,
    on_this_thread: impl FnOnce() -> B,
) -> (A, B) {
    let on_other_thread = Mutex::new(Some(on_other_thread));
    let run = || {
        let on_other_thread = on_other_thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        on_other_thread.map(|on_other_thread| on_other_thread())
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("fsync".to_owned());
        let spawned = thread.spawn_scoped(scope, run);
        let b = on_this_thread();
        let a = match spawned {
            Ok(spawned) => spawned
                .join()
                .unwrap_or_else(|panic| panic::resume_unwind(panic)),
            Err(_) => run(),
        };
        (a.expect("BUG: it runs exactly once"), b)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_run_and_a_panic_of_one_continues_after_the_other_ended() {
        assert_eq!(in_parallel(|| 1, || "here"), (1, "here"));
        for is_first in [true, false] {
            let done = Mutex::new(0);
            let work = |fails: bool| {
                if fails {
                    panic::resume_unwind(Box::new("it failed"));
                }
                thread::sleep(std::time::Duration::from_millis(20));
                *done.lock().unwrap() += 1;
            };
            let result = panic::catch_unwind(panic::AssertUnwindSafe(|| {
                in_parallel(|| work(is_first), || work(!is_first))
            }));
            assert_eq!(result.unwrap_err().downcast_ref(), Some(&"it failed"));
            assert_eq!(*done.lock().unwrap(), 1);
        }
    }
}
