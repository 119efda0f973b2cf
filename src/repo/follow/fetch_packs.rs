//! Copies the packs of a shared state that the local repository does not have.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::repo::authority::{PackFiles, PackKey, SharedState};
use crate::repo::error::{Error, Result};
use crate::repo::fs::sync_dir;
use crate::repo::objects::gix_handle::pack_file_names;
use crate::repo::packs::pack::Pack;
use crate::repo::packs::writer::{install_files, new_file};
use crate::repo::parts::Parts;

/// The maximum number of packs that are copied at the same time.
const COPIES_MAX: usize = 8;

impl Parts {
    /// Copies the packs of `state` that the repository does not have. The packs of the state `known` are in the repository already, and are
    /// not looked up.
    pub(crate) fn fetch_packs(
        &self,
        state: &SharedState,
        known: Option<&SharedState>,
    ) -> Result<()> {
        if known.is_some_and(|known| known.packs == state.packs) {
            return Ok(());
        }
        let existing: HashSet<OsString> = pack_file_names(self.root())?.into_iter().collect();
        let is_missing = |key: &&PackKey| {
            let names = Pack::named(self.root(), &key.checksum).names();
            !names.iter().all(|name| existing.contains(name))
        };
        let missing: Vec<&PackKey> = state.packs.iter().filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(());
        }
        tracing::debug!(packs = missing.len(), "copying packs");
        let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
        let copy_next = || {
            while let Some(key) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = self.fetch_pack(key) {
                    next.store(missing.len(), Ordering::Relaxed);
                    failure
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .get_or_insert(error);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..missing.len().min(COPIES_MAX) {
                let spawned = thread::Builder::new().name("fetch".to_owned());
                // If no thread can be created, this thread copies all packs itself.
                let _ = spawned.spawn_scoped(scope, copy_next);
            }
            copy_next();
        });
        let failure = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        failure.map_or(Ok(()), Err)?;
        sync_dir(&self.root().join("objects/pack"))
    }

    /// Copies a pack and its index, checks them, and installs them.
    fn fetch_pack(&self, key: &PackKey) -> Result<()> {
        let tmp = self.objects.tmp_dir();
        let (pack_file, index_file) = (new_file(&tmp)?, new_file(&tmp)?);
        let files = PackFiles {
            checksum: key.checksum.clone(),
            pack: pack_file.path().to_owned(),
            index: index_file.path().to_owned(),
        };
        self.authority.fetch(key, &files)?;
        let format = self.objects.handle_for("HEAD")?.object_hash();
        check_copy(&files, format)?;
        for file in [&pack_file, &index_file] {
            file.as_file()
                .sync_all()
                .map_err(Error::io("fsync a pack in", &tmp))?;
        }
        let pack = Pack::named(self.root(), &key.checksum);
        let pack = install_files(self.root(), pack, pack_file, index_file)?;
        self.packs.note_written(&pack);
        Ok(())
    }
}

/// Checks that the content of a pack has the checksum in its name, and that its index is intact and was made for this pack
/// (gitformat-pack(5)).
///
/// # Errors
/// `Database`, which names the damaged pack; a file cannot be read.
pub(crate) fn check_copy(files: &PackFiles, format: gix::hash::Kind) -> Result<()> {
    let damaged = |reason: &'static str| {
        let action = format!("use pack {}, which is damaged", files.checksum);
        Error::database(action)(reason)
    };
    let read = |path: &Path, trailers| {
        checksummed(path, format, trailers).map_err(Error::io("read", path))
    };
    let pack = read(&files.pack, 1)?;
    let computed = pack.computed.to_string();
    if computed != files.checksum || pack.trailer != pack.computed.as_bytes() {
        return Err(damaged("its content does not have this checksum"));
    }
    let index = read(&files.index, 2)?;
    let (of_pack, own) = index.trailer.split_at(format.len_in_bytes());
    if own != index.computed.as_bytes() {
        return Err(damaged("the checksum of its index is wrong"));
    }
    if of_pack != pack.computed.as_bytes() {
        return Err(damaged("its index belongs to another pack"));
    }
    Ok(())
}

/// The checksums of a pack or an index: the computed checksum, and the checksums at the end of the file.
struct Checksummed {
    /// The computed checksum of everything before the last checksum in the file.
    computed: gix::ObjectId,
    /// The bytes of the checksums at the end of the file. A pack ends with one checksum, an index with two.
    trailer: Vec<u8>,
}

/// Reads a file that ends with `trailers` checksums. The last checksum is over everything before it in the file.
fn checksummed(path: &Path, format: gix::hash::Kind, trailers: usize) -> io::Result<Checksummed> {
    let mut file = File::open(path)?;
    let length = format.len_in_bytes();
    let size_bytes = file.metadata()?.len();
    let too_short = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let hashed = size_bytes
        .checked_sub((length * trailers) as u64)
        .map(|_| size_bytes - length as u64)
        .ok_or_else(too_short)?;
    let mut hasher = gix::hash::hasher(format);
    let mut from = BufReader::with_capacity(1 << 16, (&mut file).take(hashed));
    let mut buffer = [0; 1 << 14];
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            n => hasher.update(&buffer[..n]),
        }
    }
    let computed = hasher.try_finalize().map_err(io::Error::other)?;
    let mut trailer = vec![0; length * trailers];
    file.seek(SeekFrom::Start(size_bytes - trailer.len() as u64))?;
    file.read_exact(&mut trailer)?;
    Ok(Checksummed { computed, trailer })
}
