//! Runs the WIT decoder on a thread of its own, so that its faults do not affect the caller.

use std::thread;

use super::WitError;

/// The stack of the decoder, in bytes. It recurses once per package in a chain of dependencies; a component can import thousands. Only the
/// part that is used takes memory.
const STACK_BYTES: usize = 64 << 20;

/// Calls `work` on a thread of its own and returns its result.
///
/// The decoder has panicked on valid components, and its depth of recursion depends on the component. On its own thread, a panic ends
/// only `work`, and the stack has the same size whoever the caller is.
pub(in crate::wasm) fn isolated<T: Send>(
    work: impl FnOnce() -> Result<T, WitError> + Send,
) -> Result<T, WitError> {
    let thread = thread::Builder::new()
        .name("wit".to_owned())
        .stack_size(STACK_BYTES);
    thread::scope(|scope| match thread.spawn_scoped(scope, work) {
        Ok(running) => running
            .join()
            .unwrap_or_else(|panic| Err(WitError::panicked(panic.as_ref()))),
        Err(error) => Err(WitError::NoThread(error)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let error = isolated::<()>(|| panic!("a\n{}", "b")).unwrap_err();
        assert_eq!(error.to_string(), "the WIT decoder panicked: a: b");
        assert_eq!(isolated(|| Ok(1)).unwrap(), 1);
    }
}
