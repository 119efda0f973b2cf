//! Writing a disk to a plain directory.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::disk::{Disk, Ino, Kind, ROOT};

/// Returns a directory to write to, in memory if there is a memory file system.
pub fn directory() -> tempfile::TempDir {
    let memory = tempfile::tempdir_in("/dev/shm");
    memory
        .or_else(|_| tempfile::tempdir())
        .expect("there is room")
}

/// Writes the content of the disk to the new directory `to`.
pub fn write(disk: &Disk, to: &Path) -> io::Result<()> {
    let mut written: HashMap<Ino, PathBuf> = HashMap::new();
    let mut todo = vec![(ROOT, to.to_owned())];
    while let Some((ino, to)) = todo.pop() {
        let inode = disk.inode(ino).expect("names lead to inodes");
        match &inode.kind {
            Kind::Directory(directory) => {
                let mode = inode.mode | 0o700;
                fs::DirBuilder::new().mode(mode).create(&to)?;
                let names = directory.now.iter();
                todo.extend(names.map(|(name, ino)| (*ino, to.join(name))));
            }
            Kind::File(file) => {
                if let Some(other) = written.get(&ino) {
                    fs::hard_link(other, &to)?;
                    continue;
                }
                let mut options = OpenOptions::new();
                let options = options.write(true).create_new(true).mode(inode.mode);
                options.open(&to)?.write_all(&file.now)?;
                written.insert(ino, to);
            }
        }
    }
    Ok(())
}
