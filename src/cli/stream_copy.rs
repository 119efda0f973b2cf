//! Copies the bytes of a module to standard output or a file. The errors say whether reading or writing failed.

use std::io::{self, Read, Write};

use super::exit::{Error, Result};
use super::output::Output;
use super::output_file::WriteFailure;
use crate::remote;

/// The maximum number of bytes in one read.
const CHUNK_BYTES: usize = 1 << 16;

/// Copies a module to standard output.
pub(super) fn copy_to_output(source: &mut impl Read, out: &mut Output) -> Result<()> {
    for_each_chunk(source, |chunk| out.bytes(chunk))
}

/// Copies a module to a file.
pub(super) fn copy_to_file(
    source: &mut impl Read,
    file: &mut dyn Write,
) -> Result<(), WriteFailure> {
    for_each_chunk(source, |chunk| Ok(file.write_all(chunk)?))
}

/// Converts an error from reading a module. Unwraps the `remote::Error` that the reader may have put into the `io::Error`.
pub(super) fn read_error(error: io::Error) -> Error {
    match error.downcast::<remote::Error>() {
        Ok(error) => error.into(),
        Err(error) => Error::Interrupted(error),
    }
}

fn for_each_chunk<E: From<Error>>(
    source: &mut impl Read,
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match source.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(length) => write(&chunk[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read_error(error).into()),
        }
    }
}
