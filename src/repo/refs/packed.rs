//! Packed refs: git clone and git pack-refs make them; a store has none, and they are read where they are.
//!
//! They are not unpacked: git prunes loose refs after it let go of `packed-refs.lock`, so whoever removes `packed-refs` beside a
//! `git pack-refs` can lose every branch.

use std::fs;

use crate::repo::error::{Error, Result};
use crate::repo::lifecycle::open::Repository;
use crate::repo::objects::fsync::{sync_dir, write_file};
use crate::repo::refs::lock::{OUTSIDE_MAX, PACKED_REFS, RefLock};

impl Repository {
    /// Takes one ref out of `packed-refs`, durably, under git's own lock for it.
    pub(crate) fn remove_packed(&self, name: &str) -> Result<()> {
        let packed = self.root().join(PACKED_REFS);
        if !packed.is_file() {
            return Ok(());
        }
        let _lock = RefLock::take(self, PACKED_REFS, b"", OUTSIDE_MAX)?;
        let text = fs::read(&packed).map_err(Error::io("read", &packed))?;
        let kept = without(&text, name);
        if kept.len() < text.len() {
            write_file(&self.tmp_dir(), &packed, &kept)?;
            sync_dir(self.root())?;
        }
        Ok(())
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
