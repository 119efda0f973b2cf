//! Responses whose body is the bytes of a module: entity tags, ranges, compressed variants, and the memory that they take.

pub(super) mod encodings;
pub(super) mod etag;
pub(super) mod in_flight;
pub(super) mod range;
mod representation;
pub(super) mod response;
