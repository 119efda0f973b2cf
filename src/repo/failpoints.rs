//! Failpoints: steps of the write path that a test can make fail, with the crate `fail`. Only the tests of wasmstore enable the feature
//! `failpoints` of that crate; without it, failpoints compile to nothing.

use std::io::{self, Write};

/// Executes the failpoint with this name. A test can make it return an error (`return(<errno>)`), panic, or run a callback.
pub(crate) fn step(name: &'static str) -> io::Result<()> {
    fail::fail_point!(name, |errno| {
        let errno = errno.and_then(|errno| errno.parse().ok());
        Err(errno.map_or_else(
            || io::Error::other("an injected fault"),
            io::Error::from_raw_os_error,
        ))
    });
    let _ = name;
    Ok(())
}

/// Executes the failpoint with this name at a step that cannot fail. A test can make it run a callback.
pub(crate) fn reached(name: &'static str) {
    fail::fail_point!(name);
    let _ = name;
}

/// Returns whether a test has turned this failpoint on, with the action `return`.
pub(crate) fn is_on(name: &'static str) -> bool {
    fail::fail_point!(name, |_| true);
    let _ = name;
    false
}

/// Writes all bytes. If a test makes the failpoint of this name fail, writes only the first half of them and returns the error.
pub(crate) fn write(name: &'static str, to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    if let Err(error) = step(name) {
        to.write_all(&bytes[..bytes.len() / 2])?;
        to.flush()?;
        return Err(error);
    }
    to.write_all(bytes)
}
