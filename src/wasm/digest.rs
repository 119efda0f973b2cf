//! Computes SHA-256 and SHA-512 digests.

use std::io::{self, Write};

use sha2::{Digest, Sha256, Sha512};

/// Returns the SHA-256 (FIPS 180-4) of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Computes the SHA-256 of bytes that arrive in pieces.
#[derive(Clone, Debug, Default)]
pub struct Hashing(Sha256);

impl Hashing {
    /// Adds the next bytes to the digest.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the SHA-256 of all added bytes.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Adds what is written to the digest.
impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Computes the SHA-512 of bytes that arrive in pieces.
#[derive(Clone, Debug, Default)]
pub struct Hashing512(Sha512);

impl Hashing512 {
    /// Adds the next bytes to the digest.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the SHA-512 of all added bytes.
    pub fn finish(self) -> [u8; 64] {
        self.0.finalize().into()
    }
}
