//! What of the pending changes on a disk is kept when the power is cut.

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
    /// Every content, and every name that leads nowhere any more.
    Removals,
    /// Some, as the seed has it.
    Random(u64),
}

/// Something pending that is kept or lost by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// A name in a folder.
    Name(Ino, OsString),
    /// Content, size and mode of a file.
    Content(Ino),
}

/// What becomes of an atom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Lost,
    Kept,
    /// Of a name: it leads where it led after that many changes since it was durable.
    After(usize),
    /// Of a content: some of it, by this seed.
    Mixed(u64),
}

/// What becomes of everything pending.
pub type Fates = BTreeMap<Atom, Fate>;

impl Subset {
    /// Decides on everything that is pending on the disk.
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
        // By turns: one half of all, most of all, few, all but one, only one, whole folders.
        let style = seed % 6;
        let is_one = matches!(style, 3 | 4);
        let lasting: Vec<_> = atoms.iter().filter(|atom| is_lasting(disk, atom)).collect();
        let one = match lasting.is_empty() {
            true => None,
            false => Some(lasting[random.below(lasting.len())].clone()),
        };
        let mut folders = BTreeMap::new();
        let mut decide = |atom: &Atom| {
            let is_kept = match (style, atom) {
                (0, _) => random.one_in(2),
                (1, _) => !random.one_in(8),
                (2, _) => random.one_in(8),
                (3, atom) => Some(atom) != one.as_ref(),
                (4, atom) => Some(atom) == one.as_ref(),
                (_, Atom::Name(folder, _)) => {
                    *folders.entry(*folder).or_insert_with(|| random.one_in(2))
                }
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

/// Everything that is kept or lost by itself.
pub fn pending(disk: &Disk) -> Vec<Atom> {
    let mut atoms = Vec::new();
    for (ino, inode) in disk.inodes() {
        match &inode.kind {
            Kind::Folder(folder) => {
                let names = folder.pending.keys();
                atoms.extend(names.map(|name| Atom::Name(ino, name.clone())));
            }
            Kind::File(file) if file.pending.is_empty() && inode.mode == inode.durable_mode => {}
            Kind::File(_) => atoms.push(Atom::Content(ino)),
        }
    }
    atoms
}

/// What a pending name led to, one after another.
fn values<'d>(disk: &'d Disk, atom: &Atom) -> Option<&'d [Option<Ino>]> {
    match atom {
        Atom::Content(_) => None,
        Atom::Name(folder, name) => {
            let folder = disk.folder(*folder).expect("names are in folders");
            folder.pending.get(name).map(Vec::as_slice)
        }
    }
}

/// Whether it makes a difference if it is kept: not that of a temporary file that is gone.
pub fn is_lasting(disk: &Disk, atom: &Atom) -> bool {
    match atom {
        Atom::Content(file) => disk.inode(*file).is_ok_and(|inode| inode.links > 0),
        Atom::Name(folder, name) => {
            let folder = disk.folder(*folder).expect("names are in folders");
            folder.now.get(name) != folder.durable.get(name)
        }
    }
}
