//! The command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Measure durable POSTs, docker-registry for comparison, and the effect of reads and gc
#[derive(Debug, clap::Parser)]
pub struct Options {
    /// The argument that cargo adds
    #[arg(long, hide = true)]
    pub bench: bool,
    /// Create the stores below this directory, which must be on a disk [default: in the build directory]
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"), hide_default_value = true)]
    pub dir: PathBuf,
    /// Measure only these parts
    #[arg(
        long,
        value_name = "PART,…",
        value_delimiter = ',',
        default_value = "rates,reads,gc"
    )]
    pub parts: Vec<Part>,
    /// Measure the rates of these cases: size and connections
    #[arg(
        long,
        value_name = "CASE,…",
        value_delimiter = ',',
        default_value = "4k:1,4k:8,4k:64,1m:1,1m:8"
    )]
    pub cases: Vec<Case>,
    /// The time for which each case is measured in a round, in seconds
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "10")]
    pub seconds: Duration,
    /// The number of rounds in which store and registry alternate
    #[arg(long, value_name = "N", default_value = "3")]
    pub rounds: usize,
    /// Spread paths over two levels of this many directories, at most 256; 0 uses one flat directory
    #[arg(long = "folders", value_name = "N", value_parser = clap::value_parser!(u64).range(..=256), default_value = "256")]
    pub fan_out: u64,
    /// The wasmstore program to measure [default: the one of this build]
    #[arg(long, value_name = "PROGRAM", default_value = env!("CARGO_BIN_EXE_wasmstore"), hide_default_value = true)]
    pub wasmstore: PathBuf,
    /// The program of the registry
    #[arg(long, value_name = "PROGRAM", default_value = "docker-registry")]
    pub registry: PathBuf,
    /// Do not measure the registry
    #[arg(long)]
    pub no_registry: bool,
    /// POSTs per second during reads and gc [default: half the rate of the case 4k:8]
    #[arg(long, value_name = "N")]
    pub rate: Option<f64>,
    /// GETs per second
    #[arg(long, value_name = "N", default_value = "500")]
    pub get_rate: f64,
    /// The number of modules that are put before the measurements
    #[arg(long, value_name = "N", default_value = "2000")]
    pub before: u64,
}

/// A part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Pushes as fast as the server responds
    Rates,
    /// GETs, without other load and during POSTs
    Reads,
    /// POSTs, without and during a gc
    Gc,
}

/// The size of the modules of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 4,096 bytes.
    Small,
    /// 1,000,000 bytes.
    Large,
}

/// Pushes of one size over some connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    pub size: Size,
    pub connections: usize,
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("{text:?} is not a case: expected a form like 4k:8 or 1m:8");
        let (size, connections) = text.split_once(':').ok_or_else(malformed)?;
        let size = match size {
            "4k" => Size::Small,
            "1m" => Size::Large,
            _ => return Err(malformed()),
        };
        match connections.parse() {
            Ok(connections @ 1..=1024) => Ok(Self { size, connections }),
            _ => Err(malformed()),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Small => "4 KiB",
            Self::Large => "1 MB",
        })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.size, self.connections)
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=3600) => Ok(Duration::from_secs(seconds)),
        _ => Err("expected a number between 1 and 3600".to_owned()),
    }
}
