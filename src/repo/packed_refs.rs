//! Packed refs: git clone and git pack-refs make them; a store has none, and they are read where they are.
//!
//! They are not unpacked: git prunes loose refs after it let go of `packed-refs.lock`, so whoever removes `packed-refs` beside a
//! `git pack-refs` can lose every branch.

use std::fs;
use std::io::{self, Write};

use super::durable::sync_dir;
use super::error::{Error, Result};
use super::open::Repository;

impl Repository {
    /// Takes one ref out of `packed-refs`, durably, under git's own lock for it and `refs.lock`.
    pub(super) fn remove_packed(&self, name: &str) -> Result<()> {
        let packed = self.root().join("packed-refs");
        let lock = self.root().join("packed-refs.lock");
        let text = match fs::read(&packed) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            text => text.map_err(Error::io("read", &packed))?,
        };
        if without(&text, name).len() == text.len() {
            return Ok(());
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&lock)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    Error::Busy(format!("{lock:?} is there: another git writes refs"))
                }
                _ => Error::io("create", &lock)(error),
            })?;
        // Read again: what was read before the lock was ours may be old.
        let replaced = fs::read(&packed)
            .and_then(|text| file.write_all(&without(&text, name)))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&lock, &packed));
        if let Err(error) = replaced {
            let _ = fs::remove_file(&lock);
            return Err(Error::io("write", &packed)(error));
        }
        sync_dir(self.root())
    }
}

/// The file without the line of one ref, and without the line after it that tells what a tag leads to (gitformat: `^<id>`).
fn without(text: &[u8], name: &str) -> Vec<u8> {
    let ending = format!(" {name}\n");
    let mut kept = Vec::with_capacity(text.len());
    let mut is_removed = false;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        is_removed = if line.starts_with(b"^") {
            is_removed
        } else {
            line.ends_with(ending.as_bytes())
        };
        if !is_removed {
            kept.extend_from_slice(line);
        }
    }
    kept
}
