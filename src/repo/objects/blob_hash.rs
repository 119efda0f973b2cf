//! The id of a blob whose bytes come piece by piece.

use crate::names::ModuleHash;

/// Computes a git blob id, as `git hash-object` does.
pub struct BlobHashing(gix::hash::Hasher);

impl BlobHashing {
    /// Of a blob of so many bytes, and an id as long as `like`.
    pub fn new(bytes: u64, like: ModuleHash) -> Self {
        let kind = match like.as_bytes().len() {
            20 => gix::hash::Kind::Sha1,
            _ => gix::hash::Kind::Sha256,
        };
        let mut hasher = gix::hash::hasher(kind);
        hasher.update(&gix::objs::encode::loose_header(
            gix::objs::Kind::Blob,
            bytes,
        ));
        Self(hasher)
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Says that these were all bytes; `None` if they were made to collide with others.
    pub fn finish(self) -> Option<ModuleHash> {
        let id = self.0.try_finalize().ok()?;
        ModuleHash::from_bytes(id.as_bytes())
    }
}
