//! Packed refs. wasmstore does not create any, but `git clone` and `git pack-refs` do.
//!
//! Packed refs are read, and never unpacked: git prunes loose refs after it has released `packed-refs.lock`, so removing
//! `packed-refs` during a `git pack-refs` can lose every branch.

use std::fs;

use crate::repo::error::{Error, Result};
use crate::repo::fs::{sync_dir, write_file};
use crate::repo::refs::lock::{OUTSIDE_MAX, PACKED_REFS, RefLock};
use crate::repo::refs::store::RefStore;

impl RefStore {
    /// Removes one ref from `packed-refs`, durably, under git's own lock for that file.
    pub(in crate::repo::refs) fn remove_packed(&self, name: &str) -> Result<()> {
        let packed = self.root().join(PACKED_REFS);
        if !packed.is_file() {
            return Ok(());
        }
        let _lock = RefLock::take(self.root(), PACKED_REFS, b"", OUTSIDE_MAX)?;
        let text = fs::read(&packed).map_err(Error::io("read", &packed))?;
        let kept = without(&text, name);
        if kept.len() < text.len() {
            write_file(&self.objects.tmp_dir(), &packed, &kept)?;
            sync_dir(self.root())?;
        }
        Ok(())
    }
}

/// Returns the content of `packed-refs` without the line of one ref, and without the line `^<id>` that may follow it for an
/// annotated tag.
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
