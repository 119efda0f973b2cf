//! The copies of an object: whether the existing one is intact, and reading another copy in place of a damaged one.
//!
//! An object may be loose and in several packs. git(1) tries the next copy if one cannot be decompressed. gix reads the first copy that it
//! finds, packs before loose objects, and fails if it is damaged. So readers call [`find_object`], which then looks for an intact copy.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use gix::objs::Kind;
use gix::zlib::{Decompress, FlushDecompress, Status};

use crate::repo::error::{Error, Result};
use crate::repo::objects::find::{try_find_header, try_find_object};
use crate::repo::objects::gix_handle::pack_file_names;

/// The maximum size of an object in a pack that is read into memory to hash it, in bytes. A larger one is hashed while it is decompressed.
const HASHED_IN_MEMORY_BYTES_MAX: u64 = 16 << 20;
/// The maximum size of an object that is read from another copy, in bytes; the limit of `gix_handle.rs`.
const OBJECT_BYTES_MAX: usize = 1 << 31;
/// The size of the buffer for decompressed bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// The state of a stored object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoredState {
    /// Readers get bytes that match the id.
    Intact,
    /// Readers get an error, or the loose file is damaged. Once an intact copy is written, readers get that one.
    Damaged,
    /// The object was deleted in the meantime.
    Absent,
    /// Readers get other bytes, because the index of a pack or a delta leads to another object. A new copy would not change that.
    Other,
}

/// Reads an object like [`gix::Repository::try_find_object`]. If that fails, reads another copy of the object.
///
/// # Errors
/// The error of gix, if no copy is intact.
pub(crate) fn find_object(
    repo: &gix::Repository,
    id: gix::ObjectId,
) -> Result<Option<gix::Object<'_>>, gix::Error> {
    let error = match try_find_object(repo, id) {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    let Some((kind, data)) = intact_copy(repo.git_dir(), repo.object_hash(), &id) else {
        return Err(error);
    };
    tracing::warn!(%id, "an object is damaged; reading another copy of it. A gc removes the damaged one");
    Ok(Some(gix::ObjectDetached { id, kind, data }.attach(repo)))
}

/// Reads an object that must exist, like [`find_object`]. `action` is what the object is needed for, such as `read tree`.
///
/// # Errors
/// `Missing` if the object does not exist; it cannot be read.
pub(crate) fn read_object<'r>(
    repo: &'r gix::Repository,
    id: gix::ObjectId,
    action: &str,
) -> Result<gix::Object<'r>> {
    find_object(repo, id)
        .map_err(Error::database(format!("{action} {id}")))?
        .ok_or_else(|| Error::Missing { id: id.to_string() })
}

/// Reads and hashes an existing object, to find out whether a new commit may rely on it. Takes no more memory for a large object than for a
/// small one: an object of more than 16 MiB that is a delta counts as intact without a look at its bytes.
///
/// # Errors
/// The packs cannot be listed.
pub(crate) fn check_stored(repo: &gix::Repository, id: &gix::oid) -> Result<StoredState> {
    let loose = loose_path(repo.git_dir(), id);
    if loose.exists() {
        return Ok(state_of(is_loose_intact(&loose, id)));
    }
    let size = try_find_header(repo, id.to_owned()).ok().flatten();
    if size.is_some_and(|header| header.size() > HASHED_IN_MEMORY_BYTES_MAX) {
        return large_packed(repo, id).map(state_of);
    }
    let object = match find_object(repo, id.to_owned()) {
        Ok(Some(object)) => object,
        Ok(None) => return Ok(StoredState::Absent),
        Err(_) => return Ok(StoredState::Damaged),
    };
    let hash = gix::objs::compute_hash(id.kind(), object.kind, &object.data);
    Ok(match hash {
        Ok(hash) if *hash == *id => StoredState::Intact,
        _ => StoredState::Other,
    })
}

/// Returns whether the content of the loose object at `path` matches its id.
pub(crate) fn is_loose_intact(path: &Path, id: &gix::oid) -> bool {
    let mut hasher = gix::hash::hasher(id.kind());
    let inflated = File::open(path).and_then(|file| {
        let mut from = BufReader::with_capacity(BUFFER_BYTES, file);
        inflate(&mut from, |bytes| {
            hasher.update(bytes);
            true
        })
    });
    inflated.is_ok() && hasher.try_finalize().is_ok_and(|hash| *hash == *id)
}

fn state_of(is_intact: bool) -> StoredState {
    if is_intact {
        StoredState::Intact
    } else {
        StoredState::Damaged
    }
}

/// Hashes the copies of a large object in packs while they are decompressed. Returns whether one of them is intact.
fn large_packed(repo: &gix::Repository, id: &gix::oid) -> Result<bool> {
    let root = repo.git_dir();
    for path in index_paths(root)? {
        // A roll-up may delete a pack meanwhile; another pack then has its objects.
        let Some(bundle) = bundle_with(&path, id) else {
            continue;
        };
        if is_packed_intact(&bundle, id) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns whether the object is in the pack, and matches its id. A delta, which `gc` makes of similar modules, would have to be resolved in
/// memory. It counts as intact: to store such a module once more after each `gc` would cost more than its damage, which `verify` finds.
fn is_packed_intact(bundle: &gix_pack::Bundle, id: &gix::oid) -> bool {
    let Some(at) = bundle.index.lookup(id) else {
        return false;
    };
    let Ok(entry) = bundle.pack.entry(bundle.index.pack_offset_at_index(at)) else {
        return false;
    };
    let Some(kind) = entry.header.as_kind() else {
        return true;
    };
    let range = entry.data_offset..bundle.pack.pack_end() as u64;
    let Some(mut bytes) = bundle.pack.entry_slice(range) else {
        return false;
    };
    let mut hasher = gix::hash::hasher(id.kind());
    let header = gix::objs::encode::loose_header(kind, entry.decompressed_size);
    hasher.update(&header);
    let mut left = entry.decompressed_size;
    let inflated = inflate(&mut bytes, |bytes| {
        hasher.update(bytes);
        let rest = left.checked_sub(bytes.len() as u64);
        left = rest.unwrap_or_default();
        rest.is_some()
    });
    inflated.is_ok() && left == 0 && hasher.try_finalize().is_ok_and(|hash| *hash == *id)
}

/// Searches all copies of an object on the disk for one that matches the id.
fn intact_copy(root: &Path, format: gix::hash::Kind, id: &gix::oid) -> Option<(Kind, Vec<u8>)> {
    let matches = |(kind, data): &(Kind, Vec<u8>)| {
        gix::objs::compute_hash(format, *kind, data).is_ok_and(|hash| *hash == *id)
    };
    if let Some(found) = read_loose(&loose_path(root, id)).filter(matches) {
        return Some(found);
    }
    let packs = index_paths(root).ok()?.into_iter();
    let mut copies = packs.filter_map(|path| {
        let bundle = bundle_with(&path, id)?;
        let (mut data, mut inflate) = (Vec::new(), gix::zlib::Inflate::default());
        let found = bundle.find(id, &mut data, &mut inflate, &mut gix_pack::cache::Never);
        let kind = found.ok()??.0.kind;
        Some((kind, data))
    });
    copies.find(matches)
}

fn read_loose(path: &Path) -> Option<(Kind, Vec<u8>)> {
    let mut from = BufReader::with_capacity(BUFFER_BYTES, File::open(path).ok()?);
    let mut data = Vec::new();
    let inflated = inflate(&mut from, |bytes| {
        data.extend_from_slice(bytes);
        data.len() <= OBJECT_BYTES_MAX
    });
    inflated.ok()?;
    let (kind, size, header_bytes) = gix::objs::decode::loose_header(&data).ok()?;
    data.drain(..header_bytes);
    (data.len() as u64 == size).then_some((kind, data))
}

/// Decompresses a whole zlib stream. Passes the bytes to `sink` until that returns `false`.
///
/// # Errors
/// The stream is damaged or incomplete, its checksum is wrong, `sink` returned `false`, or `from` cannot be read.
fn inflate(from: &mut impl BufRead, mut sink: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    let damaged = || io::Error::from(io::ErrorKind::InvalidData);
    let mut state = Decompress::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let input = from.fill_buf()?;
        let (read_before, written_before) = (state.total_in(), state.total_out());
        let status = state.decompress(input, &mut buffer, FlushDecompress::None);
        let status = status.map_err(|_| damaged())?;
        let read = (state.total_in() - read_before) as usize;
        let written = (state.total_out() - written_before) as usize;
        from.consume(read);
        if !sink(&buffer[..written]) {
            return Err(damaged());
        }
        if status == Status::StreamEnd {
            return Ok(());
        }
        if read == 0 && written == 0 {
            return Err(damaged());
        }
    }
}

/// Opens the pack of this index if the object is in it. Returns `None` if the pack cannot be opened, or was deleted meanwhile.
fn bundle_with(index: &Path, id: &gix::oid) -> Option<gix_pack::Bundle> {
    let found = gix_pack::index::File::at(index, id.kind()).ok()?;
    found.lookup(id)?;
    let pack = gix_pack::data::File::at(index.with_extension("pack"), id.kind()).ok()?;
    let pack = pack.with_alloc_limit_bytes(Some(OBJECT_BYTES_MAX));
    Some(gix_pack::Bundle { index: found, pack })
}

/// Returns the paths of the indices of all packs.
fn index_paths(root: &Path) -> Result<Vec<PathBuf>> {
    let names = pack_file_names(root)?.into_iter().map(PathBuf::from);
    let indices = names.filter(|name| name.extension().is_some_and(|part| part == "idx"));
    let dir = root.join("objects/pack");
    Ok(indices.map(|name| dir.join(name)).collect())
}

/// Returns the path of the loose object with this id.
pub(crate) fn loose_path(root: &Path, id: &gix::oid) -> PathBuf {
    let hex = id.to_string();
    root.join("objects").join(&hex[..2]).join(&hex[2..])
}

/// Returns the error for an object under whose id readers get other bytes.
pub(crate) fn other_bytes(id: &gix::oid) -> Error {
    let action = format!("store object {id}, which is damaged");
    Error::database(action)(
        "a pack has other bytes under this id; replace the pack by that of a backup (docs/restore.md, \"One damaged object\")",
    )
}

#[cfg(test)]
mod tests;
