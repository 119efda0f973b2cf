//! Responses that are a module's bytes: entity tags, ranges, compressed variants, and the memory that they occupy.

pub(super) mod encodings;
pub(super) mod etag;
pub(super) mod in_flight;
pub(super) mod range;
mod representation;
pub(super) mod response;
