//! Files that killed writers left behind.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns the files that exist only during a write: temporary files, incomplete packs, and lock files of refs. Files of the stock git
/// that packs for a `gc` are ignored, because that process outlives the killed program.
pub fn leftovers(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in files(root) {
        let inside = file.strip_prefix(root).unwrap();
        let name = file.file_name().unwrap().to_string_lossy();
        let is_lock = !inside.starts_with("wasmstore") && name.ends_with(".lock");
        let is_temporary = inside.starts_with("wasmstore/tmp")
            || (inside.starts_with("objects") && name.starts_with(".tmp"));
        if is_lock || is_temporary || is_half_a_pack(&file) {
            found.push(inside.to_owned());
        }
    }
    found
}

/// Returns whether the file is a pack without its index, or the reverse.
fn is_half_a_pack(file: &Path) -> bool {
    let other = match file.extension().and_then(OsStr::to_str) {
        Some("pack") => "idx",
        Some("idx") => "pack",
        _ => return false,
    };
    file.parent()
        .is_some_and(|directory| directory.ends_with("pack"))
        && !file.with_extension(other).exists()
}

/// Returns all files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}
