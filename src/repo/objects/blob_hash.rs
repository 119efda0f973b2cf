//! Computing the id of a blob from a stream of bytes.

use crate::names::ModuleHash;

/// Computes a git blob id, as `git hash-object` does.
pub struct BlobHasher(gix::hash::Hasher);

impl BlobHasher {
    /// Returns a hasher for a blob of `bytes` bytes. It uses the hash function of the id `like`.
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

    /// Hashes the next bytes of the blob.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the blob's id, after all bytes were passed to `update`; `None` if the bytes contain a SHA-1 collision attack.
    pub fn finish(self) -> Option<ModuleHash> {
        let id = self.0.try_finalize().ok()?;
        ModuleHash::from_bytes(id.as_bytes())
    }
}
