//! A disk that keeps no promise but POSIX's weakest: what it holds now, what of that is durable, and what is pending.
//!
//! - fsync of a file makes its content, size and mode durable, and none of its names.
//! - fsync of a folder makes the names in it durable, and nothing of what they lead to.
//! - Nothing else makes anything durable, however long ago it was.
//!
//! A rename is two changes of names: the new name leads to the file, the old one to nothing. A name that is replaced leads to the
//! old file or to the new one, never to nothing. The mode comes with the inode.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::SystemTime;

/// The number of an inode.
pub type Ino = u64;
/// The folder at the top.
pub const ROOT: Ino = 1;

/// What changes a disk, or makes something durable.
#[derive(Clone, Debug)]
pub enum Op {
    Create {
        folder: Ino,
        name: OsString,
        mode: u32,
        is_folder: bool,
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
        folder: Ino,
        name: OsString,
    },
    /// unlink(2) or rmdir(2).
    Remove {
        folder: Ino,
        name: OsString,
    },
    Rename {
        from: (Ino, OsString),
        to: (Ino, OsString),
    },
    /// fsync(2) or fdatasync(2).
    Flush {
        inode: Ino,
    },
}

/// Why an operation changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    NotFound,
    Exists,
    NotEmpty,
    IsFolder,
    NotAFolder,
}

/// All inodes that ever were; an inode without a name is still there for who has it open.
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
    Folder(Folder),
}

#[derive(Clone, Default)]
pub struct File {
    pub now: Arc<Vec<u8>>,
    pub durable: Arc<Vec<u8>>,
    /// What happened since the last fsync, in order.
    pub pending: Vec<Change>,
    /// How many changes there were in all, and how many of them are durable: tells contents apart without comparing them.
    pub version: u64,
    pub durable_version: u64,
}

#[derive(Clone, Debug)]
pub enum Change {
    Write(usize, Arc<[u8]>),
    Resize(usize),
}

#[derive(Clone, Default)]
pub struct Folder {
    pub now: BTreeMap<OsString, Ino>,
    pub durable: BTreeMap<OsString, Ino>,
    /// What each name led to, one after another, since the last fsync.
    pub pending: BTreeMap<OsString, Vec<Option<Ino>>>,
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Self {
        let mut root = Inode::new(0o755, Kind::Folder(Folder::default()));
        root.links = 1;
        Self { inodes: vec![root] }
    }

    pub fn inode(&self, ino: Ino) -> Result<&Inode, Refused> {
        let index = usize::try_from(ino).ok().and_then(|ino| ino.checked_sub(1));
        index
            .and_then(|index| self.inodes.get(index))
            .ok_or(Refused::NotFound)
    }

    /// Every inode, with its number.
    pub fn inodes(&self) -> impl Iterator<Item = (Ino, &Inode)> {
        (ROOT..).zip(&self.inodes)
    }

    pub fn folder(&self, ino: Ino) -> Result<&Folder, Refused> {
        match &self.inode(ino)?.kind {
            Kind::Folder(folder) => Ok(folder),
            Kind::File(_) => Err(Refused::NotAFolder),
        }
    }

    pub fn file(&self, ino: Ino) -> Result<&File, Refused> {
        match &self.inode(ino)?.kind {
            Kind::File(file) => Ok(file),
            Kind::Folder(_) => Err(Refused::IsFolder),
        }
    }

    /// What a name leads to now.
    pub fn lookup(&self, folder: Ino, name: &OsString) -> Result<Ino, Refused> {
        self.folder(folder)?
            .now
            .get(name)
            .copied()
            .ok_or(Refused::NotFound)
    }

    /// Does what the operation says, or nothing; returns the inode that it is about.
    pub fn apply(&mut self, op: &Op) -> Result<Ino, Refused> {
        match op {
            Op::Create {
                folder,
                name,
                mode,
                is_folder,
            } => self.create(*folder, name, *mode, *is_folder),
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
                folder,
                name,
            } => {
                self.file(*inode)?;
                self.is_free(*folder, name)?;
                self.name(*folder, name, Some(*inode))
            }
            Op::Remove { folder, name } => {
                let ino = self.lookup(*folder, name)?;
                self.is_removable(ino)?;
                self.name(*folder, name, None)
            }
            Op::Rename { from, to } => self.rename(from, to),
            Op::Flush { inode } => self.flush(*inode),
        }
    }

    fn create(
        &mut self,
        folder: Ino,
        name: &OsString,
        mode: u32,
        is_folder: bool,
    ) -> Result<Ino, Refused> {
        self.is_free(folder, name)?;
        self.inodes.push(Inode::new(
            mode,
            match is_folder {
                true => Kind::Folder(Folder::default()),
                false => Kind::File(File::default()),
            },
        ));
        self.name(folder, name, Some(self.inodes.len() as Ino))
    }

    fn rename(&mut self, from: &(Ino, OsString), to: &(Ino, OsString)) -> Result<Ino, Refused> {
        let ino = self.lookup(from.0, &from.1)?;
        if let Ok(replaced) = self.lookup(to.0, &to.1) {
            if replaced == ino {
                return Ok(ino);
            }
            match (self.folder(ino).is_ok(), self.folder(replaced).is_ok()) {
                (true, false) => return Err(Refused::NotAFolder),
                (false, true) => return Err(Refused::IsFolder),
                _ => self.is_removable(replaced)?,
            }
        }
        self.name(to.0, &to.1, Some(ino))?;
        self.name(from.0, &from.1, None)?;
        Ok(ino)
    }

    /// Makes a name lead to an inode, or to nothing; returns the inode that it led to last.
    fn name(&mut self, folder: Ino, name: &OsString, to: Option<Ino>) -> Result<Ino, Refused> {
        let inode = self.inode_mut(folder)?;
        inode.changed = SystemTime::now();
        let Kind::Folder(names) = &mut inode.kind else {
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

    /// Whether a flush of it makes something durable.
    pub fn is_dirty(&self, ino: Ino) -> bool {
        self.inode(ino).is_ok_and(|inode| match &inode.kind {
            Kind::File(file) => !file.pending.is_empty(),
            Kind::Folder(folder) => !folder.pending.is_empty(),
        })
    }

    fn flush(&mut self, ino: Ino) -> Result<Ino, Refused> {
        let inode = self.inode_mut(ino)?;
        inode.durable_mode = inode.mode;
        match &mut inode.kind {
            Kind::File(file) => {
                file.durable = Arc::clone(&file.now);
                file.durable_version = file.version;
                file.pending.clear();
            }
            Kind::Folder(folder) => {
                for (name, values) in std::mem::take(&mut folder.pending) {
                    match values.last().copied().flatten() {
                        Some(ino) => folder.durable.insert(name, ino),
                        None => folder.durable.remove(&name),
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

    fn is_free(&self, folder: Ino, name: &OsString) -> Result<(), Refused> {
        match self.lookup(folder, name) {
            Ok(_) => Err(Refused::Exists),
            Err(Refused::NotFound) => Ok(()),
            Err(other) => Err(other),
        }
    }

    fn is_removable(&self, ino: Ino) -> Result<(), Refused> {
        match self.folder(ino) {
            Ok(folder) if !folder.now.is_empty() => Err(Refused::NotEmpty),
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
    /// Does it to the content of a file.
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
