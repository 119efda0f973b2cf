//! What the tests stand on: a store in a temporary folder, the program run hermetically, and stock git as the referee.

#[allow(dead_code, reason = "`sweeps` uses the rest")]
pub mod client;
pub mod program;
#[allow(dead_code, reason = "`sweeps` uses the rest")]
pub mod random;
pub mod server;
pub mod store;
pub mod watching;
