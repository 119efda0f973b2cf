//! The `wasmstore` program.

fn main() {}
