//! Receives request bodies: enforces a minimum rate, decodes them, and limits the size of all uploads together.

pub(super) mod body;
pub(super) mod body_digest;
pub(super) mod cancel_on_drop;
pub(super) mod completed;
pub(super) mod decoding;
pub(super) mod memory;
pub(super) mod modules_sink;
pub(super) mod multipart;
pub(super) mod quota;
pub(super) mod zstd_decoder;
