//! Long runs under bad conditions, in which no acknowledged change may be lost.
//!
//! A short form of each runs in CI. The long forms run with
//! `cargo test --release --test sweeps soak -- --ignored --nocapture --test-threads=1`, and print their counts.
//!
//! | long form | content | size | duration |
//! |---|---|---|---|
//! | `kill_loop` | a server under 16 writers, killed at random moments | `SOAK_KILLS=1000` | 6 to 15 minutes |
//! | `registry_kills` | a server to which 8 OCI clients push, killed at random moments, with `gc` | `SOAK_KILLS=1000` | 10 minutes |
//! | `many_writers` (4) | 8 processes of 8 threads; two servers; stock git; `gc` all the time | `SOAK_SECONDS=90` each | 8 minutes |
//!
//! `SOAK_SEED` repeats the random choices of the kill loop, but not the scheduling of its threads.

mod first_parent;
mod kill_loop;
mod many_writers;
pub(crate) mod modules;
mod registry_kills;
