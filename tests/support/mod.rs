//! What the tests stand on: a store in a temporary folder, the program run hermetically, and stock git as the referee.

pub mod program;
pub mod server;
pub mod store;
pub mod watching;
