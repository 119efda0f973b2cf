//! Long sweeps and soaks. `cargo test` leaves them out; `.ci/run` runs the short form of each with `cargo test --test sweeps`.
//!
//! The long forms are `#[ignore]`d: see the table in CONTRIBUTING.md.

mod full_disk;
mod graph;
mod histories;
#[cfg(target_os = "linux")]
mod hostile;
mod mirror;
#[cfg(target_os = "linux")]
mod power_cut;
mod soak;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "the other test programs use the rest")]
mod support;
