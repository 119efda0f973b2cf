//! Objects: reading blobs, and writing objects such that they survive a power cut.
//!
//! gix writes objects without ever flushing them, and takes an empty file left by a power cut for the object. So loose objects
//! are written here: a new file, flushed **before** it gets its name, then its fan-out folder and `objects/` flushed before a
//! ref may name it (`Writing::flush`). The format is gitformat-loose(5): zlib of `<kind> <size>\0<bytes>`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use gix::zlib::{Compression, stream::deflate};

use super::durable::{mode, persist, sync_file};
use super::error::{Error, Result};
use super::open::{Repository, module_hash, object_id};
use super::publish::Writing;
use super::spool::Spool;
use crate::names::ModuleHash;

/// How often a rename is tried when the fan-out folder vanishes under it, as it does while an outside git prunes.
const RENAMES_MAX: u32 = 3;

impl Repository {
    /// An empty spool for one upload.
    pub fn spool(&self) -> Spool {
        Spool::new(&self.tmp_dir())
    }

    /// The bytes of a blob; `None` if the id names nothing, or no blob.
    pub fn blob(&self, hash: ModuleHash) -> Result<Option<Vec<u8>>> {
        let Some(repo) = self.local() else {
            return Ok(None);
        };
        let Some(id) = object_id(&repo, hash.as_bytes()) else {
            return Ok(None);
        };
        let object = repo
            .try_find_object(id)
            .map_err(Error::database(format!("read module {hash}")))?;
        Ok(object
            .filter(|object| object.kind == gix::objs::Kind::Blob)
            .map(|object| object.detach().data))
    }

    /// The size of a blob in bytes; `None` if the id names nothing, or no blob.
    pub fn blob_size_bytes(&self, hash: ModuleHash) -> Result<Option<u64>> {
        let Some(repo) = self.local() else {
            return Ok(None);
        };
        let Some(id) = object_id(&repo, hash.as_bytes()) else {
            return Ok(None);
        };
        let header = repo
            .try_find_header(id)
            .map_err(Error::database(format!("read module {hash}")))?;
        Ok(header
            .filter(|header| header.kind() == gix::objs::Kind::Blob)
            .map(|header| header.size()))
    }
}

impl Writing<'_> {
    /// Stores the spooled bytes as a blob, and returns its id.
    pub fn add_blob(&mut self, spool: &mut Spool) -> Result<ModuleHash> {
        Ok(module_hash(&self.add(gix::objs::Kind::Blob, spool)?))
    }

    /// Makes an existing blob durable, for a commit that is going to name it.
    ///
    /// # Errors
    /// `UnknownBlob` if there is none of that id.
    pub fn adopt_blob(&mut self, hash: ModuleHash) -> Result<()> {
        let id = object_id(&self.local, hash.as_bytes()).ok_or(Error::UnknownBlob(hash))?;
        let header = self
            .local
            .try_find_header(id)
            .map_err(Error::database(format!("read module {hash}")))?;
        if header.is_none_or(|header| header.kind() != gix::objs::Kind::Blob) || !self.adopt(id)? {
            return Err(Error::UnknownBlob(hash));
        }
        Ok(())
    }

    /// Stores an object, and returns its id.
    pub(super) fn add(
        &mut self,
        kind: gix::objs::Kind,
        spool: &mut Spool,
    ) -> Result<gix::ObjectId> {
        let id = hash(self.local.object_hash(), kind, spool)?;
        if !self.adopt(id)? {
            write(self.repository.root(), &mut self.unflushed, id, kind, spool)?;
        }
        Ok(id)
    }

    /// Flushes an object that is there already, whoever wrote it; returns whether it is. An empty file counts as absent, and
    /// one that cannot be flushed is to be written again under a new name.
    pub(super) fn adopt(&mut self, id: gix::ObjectId) -> Result<bool> {
        let path = loose_path(self.repository.root(), &id);
        if fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
            let flushed = sync_file(&path).is_ok();
            note_folders(&mut self.unflushed, &path);
            return Ok(flushed);
        }
        // An object that a batch made in memory is not stored yet, although the handle finds it.
        let stored = gix::objs::Exists::exists(&*self.local.objects, &id) && !path.exists();
        if stored {
            self.repository.flush_packs()?;
        }
        Ok(stored)
    }
}

impl Repository {
    /// Flushes every pack that this process does not know to be flushed.
    fn flush_packs(&self) -> Result<()> {
        let folder = self.root().join("objects/pack");
        let mut flushed = self
            .flushed
            .lock()
            .expect("BUG: nothing panics while it holds the set");
        let mut new = false;
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            let known = path.to_string_lossy().into_owned();
            let is_pack = path
                .extension()
                .is_some_and(|extension| extension == "pack" || extension == "idx");
            if is_pack && !flushed.contains(&known) {
                sync_file(&path)?;
                flushed.insert(known);
                new = true;
            }
        }
        if new {
            super::durable::sync_dirs_up_to(&folder, &self.root().join("objects"))?;
        }
        Ok(())
    }
}

/// Writes a loose object, whether or not it is there; its folders are added to `unflushed`. Returns its id.
pub(super) fn write_loose(
    root: &Path,
    unflushed: &mut BTreeSet<PathBuf>,
    format: gix::hash::Kind,
    kind: gix::objs::Kind,
    bytes: Vec<u8>,
) -> Result<gix::ObjectId> {
    let mut spool = Spool::holding(bytes);
    let id = hash(format, kind, &mut spool)?;
    write(root, unflushed, id, kind, &mut spool)?;
    Ok(id)
}

/// The id of the object with the spooled bytes.
fn hash(
    format: gix::hash::Kind,
    kind: gix::objs::Kind,
    spool: &mut Spool,
) -> Result<gix::ObjectId> {
    let mut hasher = gix::hash::hasher(format);
    hasher.update(&gix::objs::encode::loose_header(kind, spool.size_bytes()));
    let mut from = spool.reader()?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer).map_err(Error::Upload)? {
            0 => {
                return hasher
                    .try_finalize()
                    .map_err(Error::database("hash an object"));
            }
            n => hasher.update(&buffer[..n]),
        }
    }
}

fn write(
    root: &Path,
    unflushed: &mut BTreeSet<PathBuf>,
    id: gix::ObjectId,
    kind: gix::objs::Kind,
    spool: &mut Spool,
) -> Result<()> {
    let path = loose_path(root, &id);
    let fan_out = path.parent().expect("BUG: a loose object has a folder");
    for attempt in 1.. {
        let file = deflate(root, kind, spool)?;
        match fs::create_dir(fan_out) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io("create", fan_out)(error));
            }
            _ => {}
        }
        match persist(file, &path) {
            Err(Error::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound && attempt < RENAMES_MAX => {}
            other => {
                note_folders(unflushed, &path);
                return other;
            }
        }
    }
    unreachable!("BUG: the last attempt returns")
}

fn deflate(
    root: &Path,
    kind: gix::objs::Kind,
    spool: &mut Spool,
) -> Result<tempfile::NamedTempFile> {
    let tmp = root.join("wasmstore/tmp");
    let size_bytes = spool.size_bytes();
    let mut from = spool.reader()?;
    let mut deflate = || {
        fs::create_dir_all(&tmp)?;
        let file = tempfile::Builder::new()
            .permissions(mode(0o444))
            .tempfile_in(&tmp)?;
        let mut to = deflate::Write::new(file, Compression::BEST_SPEED);
        to.write_all(&gix::objs::encode::loose_header(kind, size_bytes))?;
        io::copy(&mut from, &mut to)?;
        to.flush()?;
        Ok(to.into_inner())
    };
    deflate().map_err(Error::io("write an object in", &tmp))
}

fn loose_path(root: &Path, id: &gix::oid) -> PathBuf {
    let hex = id.to_string();
    root.join("objects").join(&hex[..2]).join(&hex[2..])
}

/// The fan-out folder holds the object's name, and `objects/` the fan-out folder's.
fn note_folders(unflushed: &mut BTreeSet<PathBuf>, object: &Path) {
    unflushed.extend(object.ancestors().skip(1).take(2).map(Path::to_owned));
}
