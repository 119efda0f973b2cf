//! Request bodies: read with a minimum rate, decoded, and counted against the quota of all uploads.

pub(super) mod body;
pub(super) mod body_digest;
pub(super) mod cancel_on_drop;
pub(super) mod decoding;
pub(super) mod memory;
pub(super) mod modules_sink;
pub(super) mod multipart;
pub(super) mod quota;
pub(super) mod zstd_decoder;
