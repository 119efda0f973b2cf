//! LooseObjects objects on their way to the disk.
//!
//! gix writes objects without ever flushing them, and takes an empty file left by a power cut for the object. So they are
//! written here: new files, all flushed **before** they get their names, then the fan-out folders and `objects/` flushed
//! before a ref may lead to them. The format is gitformat-loose(5): zlib of `<kind> <size>\0<bytes>`, here as stored blocks
//! (RFC 1950, RFC 1951): level 1 would cost more time than all else about a large module, and gc compresses it better anyway.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use gix::zlib::{Compression, stream::deflate};
use tempfile::NamedTempFile;

use crate::repo::error::{Error, Result};
use crate::repo::failpoints::step;
use crate::repo::fs::{new_file, remove_if_there, sync_dir, sync_file};
use crate::repo::objects::spool::Spool;

/// How often a rename is tried when the fan-out folder vanishes under it, as it does while an outside git prunes.
const RENAMES_MAX: u32 = 3;
/// How many objects may wait to be flushed; each has an open file.
const PENDING_MAX: usize = 64;

/// Objects that were written and are not durable yet. Dropped, they leave nothing behind.
pub(crate) struct LooseObjects {
    root: PathBuf,
    format: gix::hash::Kind,
    /// Complete files, and the names that they are to get.
    pending: Vec<(NamedTempFile, PathBuf)>,
    /// Folders with new names in them.
    folders: BTreeSet<PathBuf>,
}

/// What became of the file of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyncedObject {
    /// It is flushed.
    Durable,
    /// There is none.
    Absent,
    /// It cannot be flushed, and what the kernel could not write it may have dropped: it is to be written anew, as it is found before
    /// what stands in a pack.
    Damaged,
}

impl LooseObjects {
    /// Nothing, on its way into the repository at `root`.
    pub(crate) fn new(root: &Path, format: gix::hash::Kind) -> Self {
        Self {
            root: root.to_owned(),
            format,
            pending: Vec::new(),
            folders: BTreeSet::new(),
        }
    }

    /// The id of the object with the spooled bytes.
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

    /// Writes an object, whether or not it is there.
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
        let file = deflate(&tmp, kind, spool)?;
        self.pending.push((file, self.path(&id)));
        Ok(())
    }

    /// Flushes an object that has a file already, whoever wrote it. An empty file, as a power cut may leave it, is removed: it would
    /// be taken for the object.
    pub(crate) fn sync_existing(&mut self, id: &gix::oid) -> Result<SyncedObject> {
        let path = self.path(id);
        match step("look for loose").and_then(|()| fs::metadata(&path)) {
            Ok(file) if file.len() == 0 => {
                remove_if_there(&path)?;
                Ok(SyncedObject::Absent)
            }
            Ok(_) if sync_file(&path).is_ok() => {
                self.note_folders(&path);
                Ok(SyncedObject::Durable)
            }
            Ok(_) => Ok(SyncedObject::Damaged),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(SyncedObject::Absent),
            Err(error) => Err(Error::io("look for", &path)(error)),
        }
    }

    /// Makes everything written or adopted durable.
    pub(crate) fn sync(&mut self) -> Result<()> {
        for (file, path) in &self.pending {
            step("flush loose")
                .and_then(|()| file.as_file().sync_all())
                .map_err(Error::io("flush", path))?;
        }
        for (file, path) in std::mem::take(&mut self.pending) {
            rename(file, &path)?;
            self.note_folders(&path);
        }
        // From the longest path to the shortest: a folder before the one that holds its name.
        while let Some(folder) = self.folders.pop_last() {
            step("flush loose folder").map_err(Error::io("flush", &folder))?;
            sync_dir(&folder)?;
        }
        Ok(())
    }

    fn path(&self, id: &gix::oid) -> PathBuf {
        let hex = id.to_string();
        self.root.join("objects").join(&hex[..2]).join(&hex[2..])
    }

    /// The fan-out folder holds the object's name, and `objects/` the fan-out folder's.
    fn note_folders(&mut self, object: &Path) {
        let folders = object.ancestors().skip(1).take(2);
        self.folders.extend(folders.map(Path::to_owned));
    }
}

fn deflate(tmp: &Path, kind: gix::objs::Kind, spool: &mut Spool) -> Result<NamedTempFile> {
    let header = gix::objs::encode::loose_header(kind, spool.size_bytes());
    let mut from = spool.reader()?;
    let mut deflate = || {
        let file = new_file(tmp, 0o444)?;
        step("write loose")?;
        let mut to = deflate::Write::new(file, Compression::NONE);
        to.write_all(&header)?;
        io::copy(&mut from, &mut to)?;
        to.flush()?;
        Ok(to.into_inner())
    };
    deflate().map_err(Error::io("write an object in", tmp))
}

fn rename(mut file: NamedTempFile, path: &Path) -> Result<()> {
    let folder = path
        .parent()
        .expect("BUG: a loose object lies in its fan-out folder");
    for attempt in 1.. {
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io("create", folder)(error));
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
