//! Verification.

pub(crate) mod check;
pub(crate) mod derived;
