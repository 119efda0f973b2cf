//! Bytes in responses that are charged to the memory budget until they are sent or dropped.

use axum::body::Bytes;

use crate::budget::Charge;

/// Bytes and the charge for them.
struct ChargedBytes {
    bytes: Vec<u8>,
    #[expect(dead_code, reason = "held for its drop")]
    charge: Charge,
}

impl AsRef<[u8]> for ChargedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Returns bytes that hold their charge until their last clone or slice is dropped.
pub(super) fn charged_bytes(bytes: Vec<u8>, charge: Charge) -> Bytes {
    Bytes::from_owner(ChargedBytes { bytes, charge })
}
