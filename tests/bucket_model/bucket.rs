//! What is in the bucket: packs, and the manifest, which is the only object that is ever replaced.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

pub type Generation = u8;

/// A change is known by the writer whose user requested it.
pub type Change = usize;

/// A set of git objects, as bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Objects(u8);

impl Objects {
    pub const NONE: Self = Self(0);
    /// Reachable from the refs from the start.
    pub const SEED: Self = Self(1);
    /// In the first pack, but not reachable: a gc drops it unless a change restores it.
    pub const GARBAGE: Self = Self(2);

    /// The objects that a change adds.
    pub fn added_by(change: Change) -> Self {
        Self(4 << change)
    }

    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub fn contains(self, other: Self) -> bool {
        other.without(self) == Self::NONE
    }
}

impl FromIterator<Objects> for Objects {
    fn from_iter<I: IntoIterator<Item = Self>>(sets: I) -> Self {
        sets.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let names = ["seed", "garbage", "first", "second"];
        f.debug_list()
            .entries(
                (0..4)
                    .filter(|bit| self.0 & 1 << bit != 0)
                    .map(|bit| names[bit]),
            )
            .finish()
    }
}

/// A pack, which stands for its key too: `packs/<generation>-pack-<checksum of the objects>`. Two servers that build the same pack on
/// the same generation use the same key, as they do in the real bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pack {
    pub generation: Generation,
    pub objects: Objects,
}

pub type Packs = BTreeSet<Pack>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    Writer(usize),
    Collector(usize),
}

/// A batch's id: a server never uses a number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId {
    pub server: Server,
    pub number: u8,
}

/// The ids that one swap has added to the manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogEntry {
    pub batch: BatchId,
    /// Only a change that was forwarded has a request id.
    pub requests: BTreeSet<Change>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Manifest {
    /// Stands for the ETag too: under compare-and-swap, each generation has one manifest.
    pub generation: Generation,
    pub floor: Generation,
    pub packs: Packs,
    /// The objects that the refs reach.
    pub closure: Objects,
    /// The ids of the last swaps, oldest first, one entry for each generation.
    pub log: Vec<LogEntry>,
}

/// Whether a manifest lists an id that was first used on an earlier generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    Listed,
    NotListed,
    /// The manifest no longer has the ids of all generations since then: the swap may have been applied or not.
    Forgotten,
}

impl Manifest {
    pub fn first() -> Self {
        Self {
            generation: 0,
            floor: 0,
            packs: Packs::from([Pack {
                generation: 0,
                objects: Objects::SEED.with(Objects::GARBAGE),
            }]),
            closure: Objects::SEED,
            log: Vec::new(),
        }
    }

    /// The objects in the named packs.
    pub fn contents(&self) -> Objects {
        self.packs.iter().map(|pack| pack.objects).collect()
    }

    /// Searches the swaps that replaced generation `since` or a later one.
    pub fn lists(&self, since: Generation, is_wanted: impl Fn(&LogEntry) -> bool) -> Listing {
        let swaps = usize::from(self.generation.saturating_sub(since));
        if self.log.iter().rev().take(swaps).any(is_wanted) {
            Listing::Listed
        } else if swaps > self.log.len() {
            Listing::Forgotten
        } else {
            Listing::NotListed
        }
    }

    pub fn lists_swap(&self, swap: &Swap) -> Listing {
        self.lists(swap.parent, |entry| entry.batch == swap.batch())
    }

    /// The next generation with the same contents, whose log keeps the last `ids_kept` entries.
    pub fn next(&self, entry: LogEntry, ids_kept: usize) -> Self {
        let mut next = self.clone();
        next.generation += 1;
        next.log.push(entry);
        next.log.drain(..next.log.len().saturating_sub(ids_kept));
        next
    }
}

/// A conditional PUT of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Swap {
    /// `If-Match`.
    pub parent: Generation,
    pub manifest: Arc<Manifest>,
    /// For `History`: the manifest itself lists only the forwarded ones.
    pub changes: BTreeSet<Change>,
}

impl Swap {
    pub fn batch(&self) -> BatchId {
        self.manifest
            .log
            .last()
            .expect("a swap adds an entry")
            .batch
    }
}

/// What has happened, for the invariants that one state cannot show. No server reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct History {
    /// How many swaps have applied each writer's change.
    pub applied: [u8; 2],
    /// The changes whose users got a success.
    pub acknowledged: BTreeSet<Change>,
    pub parents: BTreeSet<Generation>,
    pub has_shared_parent: bool,
    pub has_gone_back: bool,
    pub has_named_dead_key: bool,
}

impl History {
    pub fn record(&mut self, old: &Manifest, swap: &Swap) {
        let new = &swap.manifest;
        for &change in &swap.changes {
            self.applied[change] += 1;
        }
        self.has_shared_parent |= !self.parents.insert(swap.parent);
        self.has_gone_back |= new.generation <= old.generation || new.floor < old.floor;
        // As the floor never goes down, a key that is dead now stays so if no single swap names one that is dead in its parent.
        self.has_named_dead_key |= new
            .packs
            .difference(&old.packs)
            .any(|pack| pack.generation < old.floor);
    }
}
