//! The contents of a store: its paths, and the module at each.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use wasmstore::names::ModulePath;

use crate::Result;
use crate::modules::{module, spread};
use crate::options::Count;

/// The number of directories in a directory of a fan.
const FAN_OUT: u64 = 100;
/// The number of versions of the special path of a history.
pub const VERSIONS: u64 = 10;

/// The dimension in which a store grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShapeKind {
    /// Modules in two levels of directories.
    Fan,
    /// Modules in one directory.
    Flat,
    /// Commits.
    History,
}

/// The kind and size of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub kind: ShapeKind,
    pub count: u64,
}

impl Shape {
    /// Creates a shape with this many modules or commits.
    ///
    /// # Errors
    /// The number of commits of a history is too small, or not a multiple of 20: it is divided into halves, and into tenths with a middle.
    pub fn new(kind: ShapeKind, Count(count): Count) -> Result<Self> {
        let is_history = kind == ShapeKind::History;
        if is_history && (count < 100 || !count.is_multiple_of(2 * VERSIONS)) {
            return Err("the number of commits must be a multiple of 20 and at least 100".into());
        }
        Ok(Self { kind, count })
    }

    /// Returns the path of the module `n`.
    pub fn path(self, n: u64) -> ModulePath {
        let path = match self.kind {
            ShapeKind::Flat => format!("m/{n}.wasm"),
            ShapeKind::Fan | ShapeKind::History => {
                let [outer, inner] = [n % FAN_OUT, n / FAN_OUT % FAN_OUT];
                format!("m/{outer:02}/{inner:02}/{n}.wasm")
            }
        };
        path.parse().expect("BUG: this is a module path")
    }

    /// Returns the bytes of the module `n`.
    pub fn module(self, n: u64) -> Vec<u8> {
        match self.kind {
            ShapeKind::Fan | ShapeKind::Flat => module(n, 64),
            ShapeKind::History => module(n, 4096),
        }
    }

    /// Returns the path at which the commit `n` of a history puts the module `n`.
    pub fn changed_path(self, n: u64) -> ModulePath {
        if self.is_tracked(n) {
            tracked_path()
        } else {
            self.path(n % (self.count / 2))
        }
    }

    /// Returns distinct pseudo-random paths of the store, and the number of the module at each: `count` of them, or all if there are fewer.
    pub fn random_paths(self, count: u64) -> Vec<(ModulePath, u64)> {
        let half = self.count / 2;
        let (numbers, paths, newest) = match self.kind {
            ShapeKind::Fan | ShapeKind::Flat => (self.count, self.count, 0),
            ShapeKind::History => (half, half - VERSIONS / 2, half),
        };
        let mut seen = HashSet::new();
        (0..)
            .map(|nth| spread(nth) % numbers)
            // The commits of the special path are also half a history apart, so both versions of an ordinary path would be theirs.
            .filter(|n| newest == 0 || !self.is_tracked(*n))
            .filter(|n| seen.insert(*n))
            .map(|n| (self.path(n), n + newest))
            .take(count.min(paths) as usize)
            .collect()
    }

    /// Returns the path whose versions are measured: the special path of a history, else `path`.
    pub fn versioned_path(self, path: &ModulePath) -> ModulePath {
        match self.kind {
            ShapeKind::Fan | ShapeKind::Flat => path.clone(),
            ShapeKind::History => tracked_path(),
        }
    }

    /// Returns the number of versions of that path.
    pub fn version_count(self) -> usize {
        match self.kind {
            ShapeKind::Fan | ShapeKind::Flat => 1,
            ShapeKind::History => VERSIONS as usize,
        }
    }

    /// Returns whether the commit `n` of a history changes the special path.
    fn is_tracked(self, n: u64) -> bool {
        let tenth = self.count / VERSIONS;
        n % tenth == tenth / 2
    }
}

/// Returns the special path of a history.
fn tracked_path() -> ModulePath {
    "m/50/50/tracked.wasm".parse().expect("BUG: this is a path")
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            ShapeKind::Fan => "fan",
            ShapeKind::Flat => "flat",
            ShapeKind::History => "history",
        };
        write!(f, "{name}-{}", Count(self.count))
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (kind, count) = text.split_once('-').unwrap_or_default();
        let kind = match kind {
            "fan" => ShapeKind::Fan,
            "flat" => ShapeKind::Flat,
            "history" => ShapeKind::History,
            _ => {
                return Err(format!(
                    "{text:?} is not a shape: expected a form like fan-10k"
                ));
            }
        };
        Self::new(kind, count.parse()?).map_err(|error| error.to_string())
    }
}
