//! The SHA-256 of a module.

use sha2::{Digest, Sha256};

/// The SHA-256 (FIPS 180-4) of stored bytes, whatever they are.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The same, of bytes that come piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Hashing(Sha256);

impl Hashing {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Says that these were all bytes.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
