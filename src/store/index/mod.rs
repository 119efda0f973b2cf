//! Keeping the version index up to date with the repository.

pub(super) mod catch_up;
pub(super) mod verify_index;
mod worker;
