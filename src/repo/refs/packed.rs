//! Packed refs. wasmstore does not create any, but `git clone` and `git pack-refs` do.
//!
//! Packed refs are read, and never unpacked: git prunes loose refs after it has released `packed-refs.lock`, so removing
//! `packed-refs` during a `git pack-refs` can lose every branch.

use std::fs;
use std::io;

use gix::bstr::{BString, ByteSlice};
use gix::refs::Target;

use crate::repo::error::{Error, Result};
use crate::repo::fs::{sync_dir, write_file};
use crate::repo::refs::list::valid_name;
use crate::repo::refs::lock::{OUTSIDE_MAX, PACKED_REFS, RefLock};
use crate::repo::refs::store::RefStore;

impl RefStore {
    /// Removes one ref from `packed-refs`, durably, while holding git's own lock file for it, `packed-refs.lock`.
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

    /// Returns all refs in `packed-refs`, each with its target, or with the reason why it is broken. A malformed line is returned under the
    /// name `packed-refs`.
    pub(in crate::repo::refs) fn read_packed(
        &self,
        repo: &gix::Repository,
    ) -> Result<Vec<(BString, Result<Target, String>)>> {
        let path = self.root().join(PACKED_REFS);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.map_err(Error::io("read", &path))?,
        };
        let mut packed = Vec::new();
        for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            // Skips the header, and the lines with the objects that annotated tags lead to.
            if line.starts_with(b"#") || line.starts_with(b"^") {
                continue;
            }
            packed.push(match packed_ref(repo, line) {
                Some((id, name)) => {
                    let target = valid_name(name).map(|_| Target::Object(id));
                    (name.into(), target)
                }
                None => {
                    let reason = format!("line {number} is not a ref");
                    (PACKED_REFS.into(), Err(reason))
                }
            });
        }
        Ok(packed)
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

/// Parses a line of `packed-refs`, `<id> <name>`.
fn packed_ref<'l>(repo: &gix::Repository, line: &'l [u8]) -> Option<(gix::ObjectId, &'l [u8])> {
    let line = line.strip_suffix(b"\n")?;
    let (id, name) = line.split_once_str(b" ")?;
    let id = gix::ObjectId::from_hex(id).ok()?;
    (id.kind() == repo.object_hash()).then_some((id, name.trim_end()))
}
