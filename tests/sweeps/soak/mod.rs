//! Long work under bad conditions: nothing that was acknowledged may be lost.
//!
//! A short form of each runs with all tests. The long forms run with
//! `cargo test --release --test sweeps soak -- --ignored --nocapture --test-threads=1`, and print what they counted.
//!
//! | long form | what | sized by | takes |
//! |---|---|---|---|
//! | `kill_loop` | a server under 16 writers, killed at random moments | `SOAK_KILLS=1000` | 6 to 15 minutes |
//! | `many_writers` (4) | 8 processes of 8 threads; two servers; stock git; `gc` all the while | `SOAK_SECONDS=90` each | 8 minutes |
//!
//! `SOAK_SEED` repeats the kill loop's random choices; what the writers' threads make of them is up to the system.

mod chain;
mod kill_loop;
mod many_writers;
pub(crate) mod modules;
