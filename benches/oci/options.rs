//! The command line.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Measure pushes and pulls through the OCI registry API, and docker-registry for comparison
#[derive(Debug, clap::Parser)]
pub struct Options {
    /// The argument that cargo adds
    #[arg(long, hide = true)]
    pub bench: bool,
    /// Create the stores below this directory, which must be on a disk [default: in the build directory]
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"), hide_default_value = true)]
    pub dir: PathBuf,
    /// The numbers of connections
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,8,64", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub connections: Vec<u16>,
    /// Measure only modules of these sizes
    #[arg(
        long,
        value_name = "SIZE,…",
        value_delimiter = ',',
        default_value = "4k,1m"
    )]
    pub sizes: Vec<Size>,
    /// The time for which each case is measured in a round, in seconds
    #[arg(long, value_name = "S", default_value = "3")]
    pub seconds: f64,
    /// The number of rounds in which the servers alternate
    #[arg(long, value_name = "N", default_value = "3")]
    pub rounds: usize,
    /// The wasmstore program to measure [default: the one of this build]
    #[arg(long, value_name = "PROGRAM", default_value = env!("CARGO_BIN_EXE_wasmstore"), hide_default_value = true)]
    pub wasmstore: PathBuf,
    /// The program of the other registry
    #[arg(long, value_name = "PROGRAM", default_value = "docker-registry")]
    pub registry: PathBuf,
}

impl Options {
    pub fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

/// The size of the modules of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Size {
    /// 4,096 bytes.
    #[value(name = "4k")]
    Small,
    /// 1,000,000 bytes.
    #[value(name = "1m")]
    Large,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Small => "4 KiB",
            Self::Large => "1 MB",
        })
    }
}
