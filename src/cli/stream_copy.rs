//! Handing on bytes as they come, so that it is told which side failed.

use std::io::{self, Read, Write};

use super::exit::{Error, Result};
use super::output::Output;
use super::output_file::Failed;
use crate::remote;

/// How much is read at a time, in bytes.
const PIECE_BYTES: usize = 1 << 16;

/// Copies to standard output.
pub(super) fn to_output(source: &mut impl Read, out: &mut Output) -> Result<()> {
    each_piece(source, |piece| out.bytes(piece))
}

/// Copies to a file.
pub(super) fn to_file(source: &mut impl Read, to: &mut dyn Write) -> Result<(), Failed> {
    each_piece(source, |piece| Ok(to.write_all(piece)?))
}

/// A module could not be read to its end: the connection to a server failed.
pub(super) fn unreadable(error: io::Error) -> Error {
    match error.downcast::<remote::Error>() {
        Ok(error) => error.into(),
        Err(error) => Error::Interrupted(error),
    }
}

fn each_piece<E: From<Error>>(
    source: &mut impl Read,
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(n) => write(&piece[..n])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error).into()),
        }
    }
}
