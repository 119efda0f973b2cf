//! A content-addressed, versioned and validated store for WebAssembly modules that *is* a bare git repository.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod config;
pub mod names;
pub mod wasm;
