//! The SHA-256 of a module.

use sha2::{Digest, Sha256};

/// The SHA-256 (FIPS 180-4) of stored bytes, whatever they are.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
