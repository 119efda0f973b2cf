//! The command line.

use std::path::PathBuf;

/// Measure clones of a served store, beside stock git's own servers
#[derive(Debug, clap::Parser)]
pub struct Options {
    /// What cargo adds of its own
    #[arg(long, hide = true)]
    pub bench: bool,
    /// Keep store and clones in a new folder in this one, on a real disk [default: beside the build's files]
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"), hide_default_value = true)]
    pub dir: PathBuf,
    /// Modules in the store
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u64).range(1..))]
    pub modules: u64,
    /// How often each server is cloned from
    #[arg(long, value_name = "N", default_value = "11", value_parser = clap::value_parser!(u64).range(1..))]
    pub rounds: u64,
    /// The program to measure [default: this build's]
    #[arg(long, value_name = "PROGRAM", default_value = env!("CARGO_BIN_EXE_wasmstore"), hide_default_value = true)]
    pub wasmstore: PathBuf,
    /// nginx
    #[arg(long, value_name = "PROGRAM", default_value = "nginx")]
    pub nginx: PathBuf,
    /// What runs CGI programs for nginx
    #[arg(long, value_name = "PROGRAM", default_value = "fcgiwrap")]
    pub fcgiwrap: PathBuf,
}
