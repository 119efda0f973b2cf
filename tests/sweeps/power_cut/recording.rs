//! The operations on a disk, in order, to be replayed up to any point.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, Ino, Kind, Op, ROOT, Refused};

/// A disk, and every operation that changed it.
pub struct Recording {
    pub disk: Disk,
    pub log: Vec<Op>,
}

/// A recording that is shared between threads.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Recording>>);

impl Shared {
    /// Begins a recording of a disk.
    pub fn new(disk: Disk) -> Self {
        let log = Vec::new();
        Self(Arc::new(Mutex::new(Recording { disk, log })))
    }

    pub fn lock(&self) -> MutexGuard<'_, Recording> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of operations.
    pub fn count(&self) -> usize {
        self.lock().log.len()
    }
}

impl Recording {
    /// Applies an operation, and records it if it succeeded.
    pub fn apply(&mut self, op: Op) -> Result<Ino, Refused> {
        let ino = self.disk.apply(&op)?;
        self.log.push(op);
        Ok(ino)
    }
}

/// The paths of every inode. An inode without a name is described by its number.
pub struct Paths(HashMap<Ino, Vec<String>>);

impl Paths {
    /// Returns the paths on the current disk.
    pub fn of(disk: &Disk) -> Self {
        let mut paths = HashMap::new();
        let mut todo = vec![(ROOT, String::new())];
        while let Some((ino, path)) = todo.pop() {
            if let Kind::Directory(directory) = &disk.inode(ino).expect("names lead to inodes").kind
            {
                for (name, ino) in &directory.now {
                    todo.push((*ino, format!("{path}/{}", name.display())));
                }
            }
            paths.entry(ino).or_insert_with(Vec::new).push(path);
        }
        Self(paths)
    }

    pub fn all(&self, ino: Ino) -> &[String] {
        self.0.get(&ino).map_or(&[], Vec::as_slice)
    }

    pub fn name(&self, ino: Ino) -> String {
        match self.all(ino) {
            [] => format!("inode {ino}"),
            paths => paths.join(" = "),
        }
    }

    /// Describes an operation.
    pub fn describe(&self, op: &Op) -> String {
        match op {
            Op::Create {
                directory, name, ..
            } => {
                format!("create {}/{}", self.name(*directory), name.display())
            }
            Op::Write {
                file,
                offset,
                bytes,
            } => format!(
                "write {} bytes at {offset} to {}",
                bytes.len(),
                self.name(*file)
            ),
            Op::Resize { file, size } => format!("resize {} to {size}", self.name(*file)),
            Op::Chmod { inode, mode } => format!("chmod {mode:o} {}", self.name(*inode)),
            Op::Link {
                inode,
                directory,
                name,
            } => format!(
                "link {} to {}/{}",
                self.name(*inode),
                self.name(*directory),
                name.display()
            ),
            Op::Remove { directory, name } => {
                format!("remove {}/{}", self.name(*directory), name.display())
            }
            Op::Rename { from, to } => format!(
                "rename {}/{} to {}/{}",
                self.name(from.0),
                from.1.display(),
                self.name(to.0),
                to.1.display()
            ),
            Op::Fsync { inode } => format!("fsync {}", self.name(*inode)),
        }
    }
}
