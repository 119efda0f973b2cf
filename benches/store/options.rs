//! The command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::shape::Shape;

/// Measure store operations on stores of growing size, with stock git for comparison
#[derive(Debug, clap::Parser)]
pub struct Options {
    /// The argument that cargo adds
    #[arg(long, hide = true)]
    pub bench: bool,
    /// Run as the process that measures the store in `--dir`
    #[arg(long, hide = true, value_name = "SHAPE")]
    pub measure: Option<Shape>,
    /// Create the stores below this directory, which must be on a disk [default: in the build directory]
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"), hide_default_value = true)]
    pub dir: PathBuf,
    /// Measure only these parts
    #[arg(
        long,
        value_name = "PART,…",
        value_delimiter = ',',
        default_value = "stores,histories,special"
    )]
    pub parts: Vec<Part>,
    /// Measure stores with this many modules in two levels of directories; 0 measures none
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "1k,10k,100k,1m"
    )]
    pub sizes: Vec<Count>,
    /// Measure stores with this many modules in one directory; 0 measures none
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "1k,10k,100k"
    )]
    pub flat: Vec<Count>,
    /// Measure histories of this many commits, a multiple of 20 and at least 100; 0 measures none
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "1k,10k,100k"
    )]
    pub commits: Vec<Count>,
    /// The number of paths of one module, and of paths that a merge adds; 0 measures neither
    #[arg(long, value_name = "N", default_value = "100k")]
    pub many: Count,
    /// The number of versions of one module before a gc; 0 measures none
    #[arg(long, value_name = "N", default_value = "200")]
    pub versions: Count,
    /// The maximum number of calls of each operation
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u64).range(1..))]
    pub samples: u64,
    /// Do not delete the stores
    #[arg(long)]
    pub keep: bool,
}

/// A part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Stores with many modules
    Stores,
    /// Stores with many commits
    Histories,
    /// Special cases
    Special,
}

/// A number that can be written like 10k or 1m.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub u64);

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, unit) = match text.as_bytes().last() {
            Some(b'k') => (&text[..text.len() - 1], 1_000),
            Some(b'm') => (&text[..text.len() - 1], 1_000_000),
            _ => (text, 1),
        };
        match digits.parse::<u64>() {
            Ok(digits @ 0..=100_000_000) => Ok(Self(digits * unit)),
            _ => Err(format!(
                "{text:?} is not a count: expected a form like 500, 10k or 1m"
            )),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n > 0 && n % 1_000_000 == 0 => write!(f, "{}m", n / 1_000_000),
            n if n > 0 && n % 1_000 == 0 => write!(f, "{}k", n / 1_000),
            n => n.fmt(f),
        }
    }
}
