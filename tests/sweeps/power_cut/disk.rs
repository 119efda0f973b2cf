//! A disk that keeps only the weakest promises of POSIX: its current content, the durable part of it, and the pending changes.
//!
//! - fsync of a file makes its content, size and mode durable, but none of its names.
//! - fsync of a directory makes the names in it durable, but not the inodes that they lead to.
//! - Nothing else makes anything durable, no matter how much time passes.
//!
//! A rename is two changes of names: the new name leads to the file, the old one to nothing. A name that is replaced leads to the
//! old file or to the new one, never to nothing. The mode comes with the inode.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::SystemTime;

/// The number of an inode.
pub type Ino = u64;
/// The root directory.
pub const ROOT: Ino = 1;

/// An operation that changes a disk, or makes something durable.
#[derive(Clone, Debug)]
pub enum Op {
    Create {
        directory: Ino,
        name: OsString,
        mode: u32,
        is_directory: bool,
    },
    Write {
        file: Ino,
        offset: usize,
        bytes: Arc<[u8]>,
    },
    Resize {
        file: Ino,
        size: usize,
    },
    Chmod {
        inode: Ino,
        mode: u32,
    },
    Link {
        inode: Ino,
        directory: Ino,
        name: OsString,
    },
    /// unlink(2) or rmdir(2).
    Remove {
        directory: Ino,
        name: OsString,
    },
    Rename {
        from: (Ino, OsString),
        to: (Ino, OsString),
    },
    /// fsync(2) or fdatasync(2).
    Fsync {
        inode: Ino,
    },
}

/// Why an operation was refused. It changed nothing then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    NotFound,
    Exists,
    NotEmpty,
    IsFolder,
    NotAFolder,
}

/// All inodes that ever existed. An inode without a name still exists for processes that have it open.
#[derive(Clone)]
pub struct Disk {
    pub(super) inodes: Vec<Inode>,
}

#[derive(Clone)]
pub struct Inode {
    pub mode: u32,
    pub durable_mode: u32,
    pub links: u32,
    pub changed: SystemTime,
    pub kind: Kind,
}

#[derive(Clone)]
pub enum Kind {
    File(File),
    Directory(Directory),
}

#[derive(Clone, Default)]
pub struct File {
    pub now: Arc<Vec<u8>>,
    pub durable: Arc<Vec<u8>>,
    /// The changes since the last fsync, in order.
    pub pending: Vec<Change>,
    /// The number of all changes, and of the durable ones. They distinguish contents without comparing them.
    pub version: u64,
    pub durable_version: u64,
}

#[derive(Clone, Debug)]
pub enum Change {
    Write(usize, Arc<[u8]>),
    Resize(usize),
}

#[derive(Clone, Default)]
pub struct Directory {
    pub now: BTreeMap<OsString, Ino>,
    pub durable: BTreeMap<OsString, Ino>,
    /// The inodes that each name led to since the last fsync, in order.
    pub pending: BTreeMap<OsString, Vec<Option<Ino>>>,
}

impl Disk {
    /// Returns an empty disk.
    pub fn new() -> Self {
        let mut root = Inode::new(0o755, Kind::Directory(Directory::default()));
        root.links = 1;
        Self { inodes: vec![root] }
    }

    pub fn inode(&self, ino: Ino) -> Result<&Inode, Refused> {
        let index = usize::try_from(ino).ok().and_then(|ino| ino.checked_sub(1));
        index
            .and_then(|index| self.inodes.get(index))
            .ok_or(Refused::NotFound)
    }

    /// Returns every inode with its number.
    pub fn inodes(&self) -> impl Iterator<Item = (Ino, &Inode)> {
        (ROOT..).zip(&self.inodes)
    }

    pub fn directory(&self, ino: Ino) -> Result<&Directory, Refused> {
        match &self.inode(ino)?.kind {
            Kind::Directory(directory) => Ok(directory),
            Kind::File(_) => Err(Refused::NotAFolder),
        }
    }

    pub fn file(&self, ino: Ino) -> Result<&File, Refused> {
        match &self.inode(ino)?.kind {
            Kind::File(file) => Ok(file),
            Kind::Directory(_) => Err(Refused::IsFolder),
        }
    }

    /// Returns the inode that a name leads to now.
    pub fn lookup(&self, directory: Ino, name: &OsString) -> Result<Ino, Refused> {
        self.directory(directory)?
            .now
            .get(name)
            .copied()
            .ok_or(Refused::NotFound)
    }

    /// Applies an operation, and returns its inode.
    pub fn apply(&mut self, op: &Op) -> Result<Ino, Refused> {
        match op {
            Op::Create {
                directory,
                name,
                mode,
                is_directory,
            } => self.create(*directory, name, *mode, *is_directory),
            Op::Write {
                file,
                offset,
                bytes,
            } => self.change(*file, Change::Write(*offset, Arc::clone(bytes))),
            Op::Resize { file, size } => self.change(*file, Change::Resize(*size)),
            Op::Chmod { inode, mode } => {
                self.inode_mut(*inode)?.mode = *mode;
                Ok(*inode)
            }
            Op::Link {
                inode,
                directory,
                name,
            } => {
                self.file(*inode)?;
                self.is_free(*directory, name)?;
                self.name(*directory, name, Some(*inode))
            }
            Op::Remove { directory, name } => {
                let ino = self.lookup(*directory, name)?;
                self.is_removable(ino)?;
                self.name(*directory, name, None)
            }
            Op::Rename { from, to } => self.rename(from, to),
            Op::Fsync { inode } => self.fsync(*inode),
        }
    }

    fn create(
        &mut self,
        directory: Ino,
        name: &OsString,
        mode: u32,
        is_directory: bool,
    ) -> Result<Ino, Refused> {
        self.is_free(directory, name)?;
        self.inodes.push(Inode::new(
            mode,
            match is_directory {
                true => Kind::Directory(Directory::default()),
                false => Kind::File(File::default()),
            },
        ));
        self.name(directory, name, Some(self.inodes.len() as Ino))
    }

    fn rename(&mut self, from: &(Ino, OsString), to: &(Ino, OsString)) -> Result<Ino, Refused> {
        let ino = self.lookup(from.0, &from.1)?;
        if let Ok(replaced) = self.lookup(to.0, &to.1) {
            if replaced == ino {
                return Ok(ino);
            }
            match (
                self.directory(ino).is_ok(),
                self.directory(replaced).is_ok(),
            ) {
                (true, false) => return Err(Refused::NotAFolder),
                (false, true) => return Err(Refused::IsFolder),
                _ => self.is_removable(replaced)?,
            }
        }
        self.name(to.0, &to.1, Some(ino))?;
        self.name(from.0, &from.1, None)?;
        Ok(ino)
    }

    /// Makes a name lead to an inode, or to nothing; returns the inode that it led to before.
    fn name(&mut self, directory: Ino, name: &OsString, to: Option<Ino>) -> Result<Ino, Refused> {
        let inode = self.inode_mut(directory)?;
        inode.changed = SystemTime::now();
        let Kind::Directory(names) = &mut inode.kind else {
            return Err(Refused::NotAFolder);
        };
        let was = match to {
            Some(ino) => names.now.insert(name.clone(), ino),
            None => names.now.remove(name),
        };
        names.pending.entry(name.clone()).or_default().push(to);
        if let Some(was) = was {
            self.inode_mut(was)?.links -= 1;
        }
        if let Some(to) = to {
            self.inode_mut(to)?.links += 1;
        }
        to.or(was).ok_or(Refused::NotFound)
    }

    fn change(&mut self, ino: Ino, change: Change) -> Result<Ino, Refused> {
        let inode = self.inode_mut(ino)?;
        inode.changed = SystemTime::now();
        let Kind::File(file) = &mut inode.kind else {
            return Err(Refused::IsFolder);
        };
        change.on(Arc::make_mut(&mut file.now));
        file.pending.push(change);
        file.version += 1;
        Ok(ino)
    }

    /// Returns whether an fsync of the inode would make something durable.
    pub fn is_dirty(&self, ino: Ino) -> bool {
        self.inode(ino).is_ok_and(|inode| match &inode.kind {
            Kind::File(file) => !file.pending.is_empty(),
            Kind::Directory(directory) => !directory.pending.is_empty(),
        })
    }

    fn fsync(&mut self, ino: Ino) -> Result<Ino, Refused> {
        let inode = self.inode_mut(ino)?;
        inode.durable_mode = inode.mode;
        match &mut inode.kind {
            Kind::File(file) => {
                file.durable = Arc::clone(&file.now);
                file.durable_version = file.version;
                file.pending.clear();
            }
            Kind::Directory(directory) => {
                for (name, values) in std::mem::take(&mut directory.pending) {
                    match values.last().copied().flatten() {
                        Some(ino) => directory.durable.insert(name, ino),
                        None => directory.durable.remove(&name),
                    };
                }
            }
        }
        Ok(ino)
    }

    fn inode_mut(&mut self, ino: Ino) -> Result<&mut Inode, Refused> {
        let index = usize::try_from(ino).ok().and_then(|ino| ino.checked_sub(1));
        index
            .and_then(|index| self.inodes.get_mut(index))
            .ok_or(Refused::NotFound)
    }

    fn is_free(&self, directory: Ino, name: &OsString) -> Result<(), Refused> {
        match self.lookup(directory, name) {
            Ok(_) => Err(Refused::Exists),
            Err(Refused::NotFound) => Ok(()),
            Err(other) => Err(other),
        }
    }

    fn is_removable(&self, ino: Ino) -> Result<(), Refused> {
        match self.directory(ino) {
            Ok(directory) if !directory.now.is_empty() => Err(Refused::NotEmpty),
            _ => Ok(()),
        }
    }
}

impl Inode {
    pub(super) fn new(mode: u32, kind: Kind) -> Self {
        Self {
            mode,
            durable_mode: mode,
            links: 0,
            changed: SystemTime::now(),
            kind,
        }
    }
}

impl Change {
    /// Applies the change to the content of a file.
    pub fn on(&self, content: &mut Vec<u8>) {
        match self {
            Self::Resize(size) => content.resize(*size, 0),
            Self::Write(offset, bytes) => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
        }
    }
}
