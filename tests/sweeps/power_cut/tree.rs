//! A disk written to a plain folder.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::disk::{Disk, Ino, Kind, ROOT};

/// A folder to write to, in memory if there is some.
pub fn folder() -> tempfile::TempDir {
    let memory = tempfile::tempdir_in("/dev/shm");
    memory
        .or_else(|_| tempfile::tempdir())
        .expect("there is room")
}

/// Writes all that is on the disk to the new folder `to`.
pub fn write(disk: &Disk, to: &Path) -> io::Result<()> {
    let mut written: HashMap<Ino, PathBuf> = HashMap::new();
    let mut todo = vec![(ROOT, to.to_owned())];
    while let Some((ino, to)) = todo.pop() {
        let inode = disk.inode(ino).expect("names lead to inodes");
        match &inode.kind {
            Kind::Folder(folder) => {
                let mode = inode.mode | 0o700;
                fs::DirBuilder::new().mode(mode).create(&to)?;
                let names = folder.now.iter();
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
