//! Test support: a store in a temporary directory, the program in a hermetic environment, and stock git to check the results.

#[allow(dead_code, reason = "`sweeps` uses the rest")]
pub mod client;
pub mod program;
#[allow(dead_code, reason = "`sweeps` uses the rest")]
pub mod random;
pub mod server;
pub mod store;
#[allow(dead_code, reason = "`sweeps` uses the rest")]
pub mod waiting;
pub mod watching;
