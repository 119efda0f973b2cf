//! File system helpers shared by the subdirectories.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use crate::repo::error::{Error, Result};

pub(crate) fn names_in(folder: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name()))
        .collect()
}

/// Removes a file; that it is gone already is fine.
pub(crate) fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}
