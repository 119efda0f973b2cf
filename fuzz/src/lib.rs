//! What several fuzz targets use.

use tempfile::TempDir;
use wasmstore::config::Options;
use wasmstore::store::{Change, ObjectFormat, Store};

/// The smallest module.
pub const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A store in a temporary directory.
pub struct Scratch {
    pub store: Store,
    pub dir: TempDir,
}

impl Scratch {
    /// Creates a store with the module `a/b.wasm` on its default branch.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let root = dir.path().join("store");
        let store = Store::open_or_create(&root, Options::default(), ObjectFormat::Sha1)
            .expect("a new store");
        let path = "a/b.wasm".parse().expect("a path");
        store
            .put(&Change::default(), &path, EMPTY_MODULE)
            .expect("a valid module");
        Self { store, dir }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the empty module with a custom section that contains `content`: a valid module for any content.
pub fn module_with(content: u8) -> Vec<u8> {
    [EMPTY_MODULE, &[0, 3, 1, b'c', content]].concat()
}
