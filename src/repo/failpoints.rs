//! Where a test may make a step of the write path fail: points of the crate `fail`, which are nothing at all in a build without
//! its feature. Only this crate's tests switch that on.

use std::io::{self, Write};

/// Passes the point of that name. A test may have it return an error (`return(<errno>)`), panic, or do what it likes.
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

/// Writes all the bytes, unless a test has the point of that name fail: half of them are written then.
pub(crate) fn write(name: &'static str, to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    if let Err(error) = step(name) {
        to.write_all(&bytes[..bytes.len() / 2])?;
        to.flush()?;
        return Err(error);
    }
    to.write_all(bytes)
}
