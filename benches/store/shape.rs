//! What is in a store: which paths, and which module is at each.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use wasmstore::names::ModulePath;

use crate::Result;
use crate::modules::{module, spread};
use crate::options::Count;

/// How many folders there are in a folder of a fan.
const FOLDERS: u64 = 100;
/// How many versions the path of a history has that has many.
pub const VERSIONS: u64 = 10;

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Modules in folders of folders.
    Fan,
    /// Modules in one folder.
    Flat,
    /// Commits.
    History,
}

/// What a store is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub kind: Kind,
    pub count: u64,
}

impl Shape {
    /// A store of this kind, with so many modules or commits.
    ///
    /// # Errors
    /// A history that cannot be halved and cut into tenths that have a middle.
    pub fn new(kind: Kind, Count(count): Count) -> Result<Self> {
        let is_history = kind == Kind::History;
        if is_history && (count < 100 || !count.is_multiple_of(2 * VERSIONS)) {
            return Err("a history has at least 100 commits, and a multiple of 20".into());
        }
        Ok(Self { kind, count })
    }

    /// Where the module `n` is.
    pub fn path(self, n: u64) -> ModulePath {
        let path = match self.kind {
            Kind::Flat => format!("m/{n}.wasm"),
            Kind::Fan | Kind::History => {
                let [outer, inner] = [n % FOLDERS, n / FOLDERS % FOLDERS];
                format!("m/{outer:02}/{inner:02}/{n}.wasm")
            }
        };
        path.parse().expect("BUG: these are paths")
    }

    /// The bytes of the module `n`.
    pub fn module(self, n: u64) -> Vec<u8> {
        match self.kind {
            Kind::Fan | Kind::Flat => module(n, 64),
            Kind::History => module(n, 4096),
        }
    }

    /// Which path the commit `n` of a history gives the module `n`.
    pub fn changed(self, n: u64) -> ModulePath {
        match self.is_tracked(n) {
            true => tracked(),
            false => self.path(n % (self.count / 2)),
        }
    }

    /// Pseudo-random paths of the store, one after another and no two the same, and the number of the module that is there. At
    /// most as many as there are.
    pub fn some(self, count: u64) -> Vec<(ModulePath, u64)> {
        let half = self.count / 2;
        let (numbers, paths, newest) = match self.kind {
            Kind::Fan | Kind::Flat => (self.count, self.count, 0),
            Kind::History => (half, half - VERSIONS / 2, half),
        };
        let mut seen = HashSet::new();
        let numbers = (0..).map(|nth| spread(nth) % numbers);
        numbers
            // The commits of the path with many versions are half a history apart too: they leave out whole paths.
            .filter(|n| newest == 0 || !self.is_tracked(*n))
            .filter(|n| seen.insert(*n))
            .map(|n| (self.path(n), n + newest))
            .take(count.min(paths) as usize)
            .collect()
    }

    /// The path whose versions are asked for, where one is at `path`.
    pub fn versioned(self, path: &ModulePath) -> ModulePath {
        match self.kind {
            Kind::Fan | Kind::Flat => path.clone(),
            Kind::History => tracked(),
        }
    }

    /// How many versions it has.
    pub fn versions(self) -> usize {
        match self.kind {
            Kind::Fan | Kind::Flat => 1,
            Kind::History => VERSIONS as usize,
        }
    }

    fn is_tracked(self, n: u64) -> bool {
        let tenth = self.count / VERSIONS;
        n % tenth == tenth / 2
    }
}

fn tracked() -> ModulePath {
    "m/50/50/tracked.wasm".parse().expect("BUG: this is a path")
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            Kind::Fan => "fan",
            Kind::Flat => "flat",
            Kind::History => "history",
        };
        write!(f, "{name}-{}", Count(self.count))
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (kind, count) = text.split_once('-').unwrap_or_default();
        let kind = match kind {
            "fan" => Kind::Fan,
            "flat" => Kind::Flat,
            "history" => Kind::History,
            _ => return Err(format!("{text:?} is not like fan-10k")),
        };
        Self::new(kind, count.parse()?).map_err(|error| error.to_string())
    }
}
