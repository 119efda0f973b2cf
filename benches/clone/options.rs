//! The command line.

use std::path::PathBuf;

/// Measure clones from `wasmstore server` and from stock git's own servers
#[derive(Debug, clap::Parser)]
pub struct Options {
    /// The argument that cargo adds
    #[arg(long, hide = true)]
    pub bench: bool,
    /// Create the store and the clones below this directory, which must be on a disk [default: in the build directory]
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"), hide_default_value = true)]
    pub dir: PathBuf,
    /// The number of modules in the store
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u64).range(1..))]
    pub modules: u64,
    /// The number of clones from each server
    #[arg(long, value_name = "N", default_value = "11", value_parser = clap::value_parser!(u64).range(1..))]
    pub rounds: u64,
    /// The wasmstore program to measure [default: the one of this build]
    #[arg(long, value_name = "PROGRAM", default_value = env!("CARGO_BIN_EXE_wasmstore"), hide_default_value = true)]
    pub wasmstore: PathBuf,
    /// The nginx program
    #[arg(long, value_name = "PROGRAM", default_value = "nginx")]
    pub nginx: PathBuf,
    /// The program that runs CGI programs for nginx
    #[arg(long, value_name = "PROGRAM", default_value = "fcgiwrap")]
    pub fcgiwrap: PathBuf,
}
