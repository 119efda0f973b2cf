//! The command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Measure durable POSTs beside docker-registry, and what reads and gc have to do with them
#[derive(Debug, clap::Parser)]
pub struct Options {
    /// What cargo adds of its own
    #[arg(long, hide = true)]
    pub bench: bool,
    /// Keep the stores in a new folder in this one, on a real disk [default: beside the build's files]
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
    /// How long each case is driven at a time
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "10")]
    pub seconds: Duration,
    /// How often store and registry take turns
    #[arg(long, value_name = "N", default_value = "3")]
    pub rounds: usize,
    /// Fan paths out over two levels of this many folders, at most 256; 0 is one flat folder
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=256), default_value = "256")]
    pub folders: u64,
    /// The program to measure [default: this build's]
    #[arg(long, value_name = "PROGRAM", default_value = env!("CARGO_BIN_EXE_wasmstore"), hide_default_value = true)]
    pub wasmstore: PathBuf,
    /// The registry's program
    #[arg(long, value_name = "PROGRAM", default_value = "docker-registry")]
    pub registry: PathBuf,
    /// Leave the registry out
    #[arg(long)]
    pub no_registry: bool,
    /// POSTs a second beside reads and gc [default: half of what the case 4k:8 reached]
    #[arg(long, value_name = "N")]
    pub rate: Option<f64>,
    /// GETs a second
    #[arg(long, value_name = "N", default_value = "500")]
    pub get_rate: f64,
    /// Modules that are put before anything is measured
    #[arg(long, value_name = "N", default_value = "2000")]
    pub before: u64,
}

/// A part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Pushes as fast as they are answered
    Rates,
    /// GETs, idle and beside POSTs
    Reads,
    /// POSTs, without and beside a gc
    Gc,
}

/// How large the modules of a case are.
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
        let wanted = || format!("{text:?} is not like 4k:8 or 1m:8");
        let (size, connections) = text.split_once(':').ok_or_else(wanted)?;
        let size = match size {
            "4k" => Size::Small,
            "1m" => Size::Large,
            _ => return Err(wanted()),
        };
        match connections.parse() {
            Ok(connections @ 1..=1024) => Ok(Self { size, connections }),
            _ => Err(wanted()),
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
        _ => Err("between 1 and 3600".to_owned()),
    }
}
