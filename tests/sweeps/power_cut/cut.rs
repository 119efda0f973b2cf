//! A power cut: some of a disk's pending changes are kept, and the others are lost.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::disk::{Change, Directory, Disk, File, Ino, Inode, Kind, ROOT};
use super::random::Random;
use super::subset::{Atom, Fate, Fates};

/// The number of bytes that a disk writes atomically.
const BLOCK: usize = 512;

impl Disk {
    /// Returns the disk after the power cut, with the same inode numbers.
    pub fn after(&self, fates: &Fates) -> Self {
        let mut after = Self {
            inodes: vec![Inode::new(0, Kind::File(File::default())); self.inodes.len()],
        };
        after.inodes[0].links = 1;
        let mut todo = vec![ROOT];
        while let Some(ino) = todo.pop() {
            let there = self.inode(ino).expect("names lead to inodes");
            let settled = match &there.kind {
                Kind::File(file) => settled_file(ino, there, file, fates),
                Kind::Directory(directory) => {
                    let mut names = settled_names(ino, directory, fates);
                    // A moved directory may keep both names. A file system repair would drop one of them, and so does this.
                    names.retain(|_, to| {
                        let is_new = after.inode(*to).is_ok_and(|inode| inode.links == 0);
                        let is_kept = is_new || self.file(*to).is_ok();
                        if is_kept {
                            after.inodes[*to as usize - 1].links += 1;
                            todo.extend(is_new.then_some(*to));
                        }
                        is_kept
                    });
                    settled_directory(there, names)
                }
            };
            let links = after.inodes[ino as usize - 1].links;
            after.inodes[ino as usize - 1] = Inode { links, ..settled };
        }
        after
    }

    /// Removes the lock files among these inodes.
    pub fn remove_locks(&mut self, among: &HashSet<Ino>) {
        for inode in &mut self.inodes {
            if let Kind::Directory(directory) = &mut inode.kind {
                directory.now.retain(|name, ino| {
                    let is_lock = name.as_encoded_bytes().ends_with(b".lock");
                    !(is_lock && among.contains(ino))
                });
                directory.durable.clone_from(&directory.now);
            }
        }
    }

    /// Returns a value that distinguishes two states of the same run.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (ino, inode) in self.inodes().filter(|(_, inode)| inode.links > 0) {
            (ino, inode.mode).hash(&mut hasher);
            match &inode.kind {
                Kind::File(file) => file.version.hash(&mut hasher),
                Kind::Directory(directory) => directory.now.hash(&mut hasher),
            }
        }
        hasher.finish()
    }
}

fn settled_names(ino: Ino, directory: &Directory, fates: &Fates) -> BTreeMap<OsString, Ino> {
    let mut names = directory.durable.clone();
    for (name, values) in &directory.pending {
        let count = match fates.get(&Atom::Name(ino, name.clone())) {
            Some(Fate::Kept) => values.len(),
            Some(Fate::After(count)) => *count,
            _ => 0,
        };
        match values[..count].last() {
            None => {}
            Some(None) => drop(names.remove(name)),
            Some(Some(ino)) => drop(names.insert(name.clone(), *ino)),
        }
    }
    names
}

fn settled_directory(there: &Inode, names: BTreeMap<OsString, Ino>) -> Inode {
    let directory = Directory {
        durable: names.clone(),
        now: names,
        pending: BTreeMap::new(),
    };
    Inode {
        kind: Kind::Directory(directory),
        ..there.clone()
    }
}

fn settled_file(ino: Ino, there: &Inode, file: &File, fates: &Fates) -> Inode {
    let (content, mode, version) = match fates.get(&Atom::Content(ino)) {
        Some(Fate::Kept) => (Arc::clone(&file.now), there.mode, file.version),
        Some(Fate::Mixed(seed)) => {
            let mut random = Random::new(*seed);
            let mode = match random.one_in(2) {
                true => there.mode,
                false => there.durable_mode,
            };
            let mut content = file.durable.to_vec();
            for change in &file.pending {
                mix(&mut content, change, &mut random);
            }
            (Arc::new(content), mode, random.next())
        }
        _ => (
            Arc::clone(&file.durable),
            there.durable_mode,
            file.durable_version,
        ),
    };
    let file = File {
        durable: Arc::clone(&content),
        now: content,
        pending: Vec::new(),
        version,
        durable_version: version,
    };
    Inode {
        mode,
        durable_mode: mode,
        kind: Kind::File(file),
        ..there.clone()
    }
}

/// Applies a random part of a change: nothing, only the size, some blocks, the beginning, or all of it.
fn mix(content: &mut Vec<u8>, change: &Change, random: &mut Random) {
    let Change::Write(offset, bytes) = change else {
        if random.one_in(2) {
            change.on(content);
        }
        return;
    };
    match random.below(5) {
        0 => {}
        1 => content.resize(content.len().max(offset + bytes.len()), 0),
        2 => {
            content.resize(content.len().max(offset + bytes.len()), 0);
            for (nth, block) in bytes.chunks(BLOCK).enumerate() {
                if random.one_in(2) {
                    Change::Write(offset + nth * BLOCK, block.into()).on(content);
                }
            }
        }
        3 => {
            let length = random.below(bytes.len() + 1);
            Change::Write(*offset, bytes[..length].into()).on(content);
        }
        _ => change.on(content),
    }
}
