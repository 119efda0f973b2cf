//! The `wasmstore` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    wasmstore::cli::run(std::env::args_os().collect())
}
