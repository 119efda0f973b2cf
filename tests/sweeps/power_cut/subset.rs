//! The subset of the pending changes that a power cut keeps.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::disk::{Disk, Ino, Kind};
use super::random::Random;

/// Which of the pending changes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subset {
    /// None of them.
    Nothing,
    /// All of them.
    Everything,
    /// Every name, and no content.
    Names,
    /// Every content, and every name that leads somewhere.
    Additions,
    /// Every content, and every name that was removed.
    Removals,
    /// Some, according to the seed.
    Random(u64),
}

/// A pending change that is kept or lost independently of others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// A name in a directory.
    Name(Ino, OsString),
    /// Content, size and mode of a file.
    Content(Ino),
}

/// What becomes of an atom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Lost,
    Kept,
    /// A name leads where it led after this many changes since it was durable.
    After(usize),
    /// A part of a content is kept, according to this seed.
    Mixed(u64),
}

/// What becomes of every pending change.
pub type Fates = BTreeMap<Atom, Fate>;

impl Subset {
    /// Decides the fate of every pending change of the disk.
    pub fn fates(self, disk: &Disk) -> Fates {
        let atoms = pending(disk);
        let Self::Random(seed) = self else {
            let fate = |atom: &Atom| self.fixed(disk, atom);
            return atoms
                .into_iter()
                .map(|atom| (atom.clone(), fate(&atom)))
                .collect();
        };
        let mut random = Random::new(seed);
        // In turn: half of them, most, few, all but one, only one, whole directories.
        let style = seed % 6;
        let is_one = matches!(style, 3 | 4);
        let lasting: Vec<_> = atoms.iter().filter(|atom| is_lasting(disk, atom)).collect();
        let one = match lasting.is_empty() {
            true => None,
            false => Some(lasting[random.below(lasting.len())].clone()),
        };
        let mut directories = BTreeMap::new();
        let mut decide = |atom: &Atom| {
            let is_kept = match (style, atom) {
                (0, _) => random.one_in(2),
                (1, _) => !random.one_in(8),
                (2, _) => random.one_in(8),
                (3, atom) => Some(atom) != one.as_ref(),
                (4, atom) => Some(atom) == one.as_ref(),
                (_, Atom::Name(directory, _)) => *directories
                    .entry(*directory)
                    .or_insert_with(|| random.one_in(2)),
                (_, Atom::Content(_)) => random.one_in(2),
            };
            match values(disk, atom) {
                Some(values) if !is_one && random.one_in(32) => {
                    Fate::After(random.below(values.len() + 1))
                }
                None if !is_one && random.one_in(4) => Fate::Mixed(random.next()),
                _ if is_kept => Fate::Kept,
                _ => Fate::Lost,
            }
        };
        atoms
            .into_iter()
            .map(|atom| (atom.clone(), decide(&atom)))
            .collect()
    }

    fn fixed(self, disk: &Disk, atom: &Atom) -> Fate {
        let last = |is_wanted: fn(&Option<Ino>) -> bool| match values(disk, atom) {
            None => Fate::Kept,
            Some(values) => match values.iter().rposition(is_wanted) {
                None => Fate::Lost,
                Some(index) => Fate::After(index + 1),
            },
        };
        match (self, atom) {
            (Self::Nothing | Self::Random(_), _) | (Self::Names, Atom::Content(_)) => Fate::Lost,
            (Self::Everything, _) | (Self::Names, Atom::Name(..)) => Fate::Kept,
            (Self::Additions, _) => last(Option::is_some),
            (Self::Removals, _) => last(Option::is_none),
        }
    }
}

/// Returns every pending change.
pub fn pending(disk: &Disk) -> Vec<Atom> {
    let mut atoms = Vec::new();
    for (ino, inode) in disk.inodes() {
        match &inode.kind {
            Kind::Directory(directory) => {
                let names = directory.pending.keys();
                atoms.extend(names.map(|name| Atom::Name(ino, name.clone())));
            }
            Kind::File(file) if file.pending.is_empty() && inode.mode == inode.durable_mode => {}
            Kind::File(_) => atoms.push(Atom::Content(ino)),
        }
    }
    atoms
}

/// Returns the inodes that a pending name led to, in order.
fn values<'d>(disk: &'d Disk, atom: &Atom) -> Option<&'d [Option<Ino>]> {
    match atom {
        Atom::Content(_) => None,
        Atom::Name(directory, name) => {
            let directory = disk
                .directory(*directory)
                .expect("names are in directories");
            directory.pending.get(name).map(Vec::as_slice)
        }
    }
}

/// Returns whether keeping the change makes a difference. It makes none for a temporary file that was removed.
pub fn is_lasting(disk: &Disk, atom: &Atom) -> bool {
    match atom {
        Atom::Content(file) => disk.inode(*file).is_ok_and(|inode| inode.links > 0),
        Atom::Name(directory, name) => {
            let directory = disk
                .directory(*directory)
                .expect("names are in directories");
            directory.now.get(name) != directory.durable.get(name)
        }
    }
}
