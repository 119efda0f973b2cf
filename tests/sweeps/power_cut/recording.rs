//! What happened on a disk, in order, to be done again up to any point.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, Ino, Kind, Op, ROOT, Refused};

/// A disk, and every operation that changed it.
pub struct Recording {
    pub disk: Disk,
    pub log: Vec<Op>,
}

/// The recording as those share it who write on it.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Recording>>);

impl Shared {
    /// Of a disk, from now on.
    pub fn new(disk: Disk) -> Self {
        let log = Vec::new();
        Self(Arc::new(Mutex::new(Recording { disk, log })))
    }

    pub fn lock(&self) -> MutexGuard<'_, Recording> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many operations there were.
    pub fn count(&self) -> usize {
        self.lock().log.len()
    }
}

impl Recording {
    /// Does it, and notes it if it succeeded.
    pub fn apply(&mut self, op: Op) -> Result<Ino, Refused> {
        let ino = self.disk.apply(&op)?;
        self.log.push(op);
        Ok(ino)
    }
}

/// Every path of every inode that has a name; of the others their numbers.
pub struct Paths(HashMap<Ino, Vec<String>>);

impl Paths {
    /// The paths on a disk as it is now.
    pub fn of(disk: &Disk) -> Self {
        let mut paths = HashMap::new();
        let mut todo = vec![(ROOT, String::new())];
        while let Some((ino, path)) = todo.pop() {
            if let Kind::Folder(folder) = &disk.inode(ino).expect("names lead to inodes").kind {
                for (name, ino) in &folder.now {
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

    /// An operation in words.
    pub fn describe(&self, op: &Op) -> String {
        match op {
            Op::Create { folder, name, .. } => {
                format!("create {}/{}", self.name(*folder), name.display())
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
                folder,
                name,
            } => format!(
                "link {} to {}/{}",
                self.name(*inode),
                self.name(*folder),
                name.display()
            ),
            Op::Remove { folder, name } => {
                format!("remove {}/{}", self.name(*folder), name.display())
            }
            Op::Rename { from, to } => format!(
                "rename {}/{} to {}/{}",
                self.name(from.0),
                from.1.display(),
                self.name(to.0),
                to.1.display()
            ),
            Op::Flush { inode } => format!("flush {}", self.name(*inode)),
        }
    }
}
