//! Runs the WIT decoder on a thread of its own, so that its faults do not affect the caller.

use std::thread;

use super::WitError;

/// The size of the decoder's stack, in bytes. The decoder recurses once per package in a chain of dependencies, and a component can import
/// thousands of packages. Only the used part of the stack takes memory.
const STACK_BYTES: usize = 64 << 20;

/// Calls `work` on a thread of its own and returns its result.
///
/// The decoder has panicked on valid components, and the depth of its recursion depends on the component. On a thread of its own, a panic
/// ends only `work`, and the size of the stack does not depend on the caller.
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
