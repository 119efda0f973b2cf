//! Verification of the objects that refs reach, and of derived files.

pub(crate) mod check;
pub(crate) mod derived;
pub(crate) mod findings;
