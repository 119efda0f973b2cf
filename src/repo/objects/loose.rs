//! Writing loose objects durably.
//!
//! gix writes objects without fsync. A power cut can then leave an empty file, which gix takes for the object. So loose objects are written
//! here: new files are all fsynced **before** the rename, and the fan-out directories and `objects/` are fsynced before a ref may lead to
//! the objects. The format is gitformat-loose(5): zlib of `<kind> <size>\0<bytes>`. The zlib stream has stored blocks only (RFC 1950, RFC
//! 1951): compression at level 1 would take longer than all other steps of writing a large module, and `gc` compresses it better later.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use gix::zlib::{Compression, stream::deflate};
use tempfile::NamedTempFile;

use crate::repo::error::{Error, Result};
use crate::repo::failpoints::step;
use crate::repo::fs::{new_file, remove_if_there, sync_dir, sync_file};
use crate::repo::objects::copies::{is_loose_intact, loose_path};
use crate::repo::objects::spool::Spool;
use crate::sharing::create_shared_dir;

/// The maximum number of attempts to rename a file while the fan-out directory keeps vanishing, for example because another process runs
/// `git prune`.
const RENAMES_MAX: u32 = 3;
/// The maximum number of written objects that wait for their fsync. Each keeps a file open.
const PENDING_MAX: usize = 64;

/// Loose objects that were written to temporary files and are not durable yet. Dropping this removes these files.
pub(crate) struct LooseObjects {
    root: PathBuf,
    format: gix::hash::Kind,
    /// Complete temporary files, each with the path to which it will be renamed.
    pending: Vec<(NamedTempFile, PathBuf)>,
    /// The directories that have new names in them and are not fsynced yet.
    dirs: BTreeSet<PathBuf>,
}

/// The state of an existing object's file after an attempt to fsync it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyncedObject {
    /// The file was fsynced.
    Durable,
    /// The object has no file of its own.
    Absent,
    /// The fsync failed, and the kernel may have dropped the pages that it could not write. The file must be written again, because
    /// readers may use it even if a pack contains a copy of the object.
    Damaged,
}

impl LooseObjects {
    /// Returns an empty set of objects for the repository at `root`.
    pub(crate) fn new(root: &Path, format: gix::hash::Kind) -> Self {
        Self {
            root: root.to_owned(),
            format,
            pending: Vec::new(),
            dirs: BTreeSet::new(),
        }
    }

    /// Computes the id of an object of this kind whose content is the spooled bytes.
    pub(crate) fn id(&self, kind: gix::objs::Kind, spool: &mut Spool) -> Result<gix::ObjectId> {
        let mut hasher = gix::hash::hasher(self.format);
        let header = gix::objs::encode::loose_header(kind, spool.size_bytes());
        hasher.update(&header);
        let tmp = self.root.join("wasmstore/tmp");
        let mut from = spool.reader()?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match from.read(&mut buffer).map_err(Error::io("read", &tmp))? {
                0 => break,
                n => hasher.update(&buffer[..n]),
            }
        }
        hasher
            .try_finalize()
            .map_err(Error::database("hash an object"))
    }

    /// Writes an object, even if the repository contains it already. It is durable after [`sync`](Self::sync).
    pub(crate) fn write(
        &mut self,
        id: gix::ObjectId,
        kind: gix::objs::Kind,
        spool: &mut Spool,
    ) -> Result<()> {
        if self.pending.len() >= PENDING_MAX {
            self.sync()?;
        }
        let tmp = self.root.join("wasmstore/tmp");
        let file = write_temporary(&tmp, kind, spool)?;
        self.pending.push((file, self.path(&id)));
        Ok(())
    }

    /// Fsyncs the file of an existing object, no matter who wrote it. An empty file, as a power cut can leave it, is removed: gix would
    /// take it for the object.
    pub(crate) fn sync_existing(&mut self, id: &gix::oid) -> Result<SyncedObject> {
        let path = self.path(id);
        match step("look for loose").and_then(|()| fs::metadata(&path)) {
            Ok(file) if file.len() == 0 => {
                remove_if_there(&path)?;
                Ok(SyncedObject::Absent)
            }
            Ok(_) if sync_file(&path).is_ok() => {
                self.note_dirs(&path);
                Ok(SyncedObject::Durable)
            }
            Ok(_) => Ok(SyncedObject::Damaged),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(SyncedObject::Absent),
            Err(error) => Err(Error::io("look for", &path)(error)),
        }
    }

    /// Makes all objects that were passed to [`write`](Self::write) or [`sync_existing`](Self::sync_existing) durable: fsyncs and
    /// renames the pending files, then fsyncs the directories.
    pub(crate) fn sync(&mut self) -> Result<()> {
        for (file, path) in &self.pending {
            step("fsync loose")
                .and_then(|()| file.as_file().sync_all())
                .map_err(Error::io("fsync", path))?;
        }
        for (file, path) in std::mem::take(&mut self.pending) {
            rename(file, &path)?;
            self.note_dirs(&path);
        }
        // The paths are in descending order, so each directory is fsynced before the directory that contains its name.
        while let Some(dir) = self.dirs.pop_last() {
            step("fsync loose directory").map_err(Error::io("fsync", &dir))?;
            sync_dir(&dir)?;
        }
        Ok(())
    }

    /// Returns whether the file of an existing object has the bytes of the object.
    pub(crate) fn is_intact(&self, id: &gix::oid) -> bool {
        is_loose_intact(&self.path(id), id)
    }

    fn path(&self, id: &gix::oid) -> PathBuf {
        loose_path(&self.root, id)
    }

    /// Records the directories to fsync for the file `object`: the fan-out directory contains the name of the file, and `objects/` contains
    /// the name of the fan-out directory.
    fn note_dirs(&mut self, object: &Path) {
        let dirs = object.ancestors().skip(1).take(2);
        self.dirs.extend(dirs.map(Path::to_owned));
    }
}

/// Writes an object to a temporary file, in the format of a loose object.
fn write_temporary(tmp: &Path, kind: gix::objs::Kind, spool: &mut Spool) -> Result<NamedTempFile> {
    let header = gix::objs::encode::loose_header(kind, spool.size_bytes());
    let mut from = spool.reader()?;
    let mut write = || {
        let file = new_file(tmp, 0o444)?;
        step("write loose")?;
        let mut to = deflate::Write::new(file, Compression::NONE);
        to.write_all(&header)?;
        io::copy(&mut from, &mut to)?;
        to.flush()?;
        Ok(to.into_inner())
    };
    write().map_err(Error::io("write an object in", tmp))
}

fn rename(mut file: NamedTempFile, path: &Path) -> Result<()> {
    let dir = path
        .parent()
        .expect("BUG: a loose object is in its fan-out directory");
    for attempt in 1.. {
        match create_shared_dir(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io("create", dir)(error));
            }
            _ => {}
        }
        step("rename loose").map_err(Error::io("rename to", path))?;
        match file.persist(path) {
            Ok(_) => break,
            Err(failed)
                if failed.error.kind() == io::ErrorKind::NotFound && attempt < RENAMES_MAX =>
            {
                file = failed.file;
            }
            Err(failed) => return Err(Error::io("rename to", path)(failed.error)),
        }
    }
    Ok(())
}
