//! The command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::shape::Shape;

/// Measure the operations of stores of growing size, beside stock git
#[derive(Debug, clap::Parser)]
pub struct Options {
    /// What cargo adds of its own
    #[arg(long, hide = true)]
    pub bench: bool,
    /// Be the process that measures one store, the one in `--dir`
    #[arg(long, hide = true, value_name = "SHAPE")]
    pub measure: Option<Shape>,
    /// Keep the stores in a new folder in this one, on a real disk [default: beside the build's files]
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
    /// Stores of this many modules in folders of folders; 0 is none
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "1k,10k,100k,1m"
    )]
    pub sizes: Vec<Count>,
    /// Stores of this many modules in one folder; 0 is none
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "1k,10k,100k"
    )]
    pub flat: Vec<Count>,
    /// Histories of this many commits, a multiple of 20 and at least 100; 0 is none
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_value = "1k,10k,100k"
    )]
    pub commits: Vec<Count>,
    /// Paths that have one module, and paths that a merge brings; 0 is none
    #[arg(long, value_name = "N", default_value = "100k")]
    pub many: Count,
    /// Versions of one module that are collected; 0 is none
    #[arg(long, value_name = "N", default_value = "200")]
    pub versions: Count,
    /// How often each operation is measured, if there is time
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u64).range(1..))]
    pub samples: u64,
    /// Leave what was made where it is
    #[arg(long)]
    pub keep: bool,
}

/// A part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Stores of many modules
    Stores,
    /// Stores of many commits
    Histories,
    /// What is special
    Special,
}

/// A number that may be written like 10k or 1m.
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
            _ => Err(format!("{text:?} is not like 500, 10k or 1m")),
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
