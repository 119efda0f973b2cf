//! Following the authority: keeping a repository that several machines share equal to the state in a bucket.
//!
//! `catch_up.rs` makes the local packs and refs equal to a state, with `fetch_packs.rs` and `apply_refs.rs`. `swap.rs` asks the authority
//! to change the state, and then makes the repository equal to the result. `unnamed_packs.rs` finds the packs that the state does not have.
//! The caller holds `refs.lock`.

pub(crate) mod apply_refs;
pub(crate) mod catch_up;
pub(crate) mod fetch_packs;
pub(crate) mod swap;
pub(crate) mod unnamed_packs;
