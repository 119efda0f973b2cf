//! Packs: which there are, and writing one (gitformat-pack(5)).

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use gix::zlib::Compression;

use super::durable::{mode, persist, sync_dir};
use super::error::{Error, Result};
use super::open::Repository;

/// What a pack consists of; the pack itself comes last, as without its index it is not seen.
const PARTS: [&str; 5] = ["idx", "rev", "bitmap", "mtimes", "pack"];
/// Packs that git or a person says to leave alone.
const KEEP: [&str; 2] = ["keep", "promisor"];

/// One pack file with what goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pack {
    /// `objects/pack/pack-<checksum>`, without an extension.
    stem: PathBuf,
}

impl Pack {
    /// The pack of that checksum.
    pub(super) fn named(root: &Path, checksum: &str) -> Self {
        Self {
            stem: root.join("objects/pack").join(format!("pack-{checksum}")),
        }
    }

    /// Opens its index; `None` if it has none, as after a write that was cut short.
    pub(super) fn index(&self, format: gix::hash::Kind) -> Result<Option<gix_pack::index::File>> {
        let path = self.stem.with_extension("idx");
        if !path.exists() {
            return Ok(None);
        }
        gix_pack::index::File::at(&path, format)
            .map(Some)
            .map_err(Error::database(format!("read {path:?}")))
    }

    /// What it takes on disk, in bytes.
    pub(super) fn size_bytes(&self) -> u64 {
        PARTS
            .iter()
            .filter_map(|part| fs::metadata(self.stem.with_extension(part)).ok())
            .map(|file| file.len())
            .sum()
    }

    /// Removes it.
    pub(super) fn remove(&self) -> Result<()> {
        for part in PARTS {
            remove_if_there(&self.stem.with_extension(part))?;
        }
        Ok(())
    }

    /// Gives a finished pack that stands elsewhere, as `PREFIX-<checksum>.*`, its place and makes it durable.
    pub(super) fn install(root: &Path, prefix: &Path, checksum: &str) -> Result<Self> {
        let pack = Self::named(root, checksum);
        let must_have = |part: &str| part == "pack" || part == "idx";
        let from = |part: &str| PathBuf::from(format!("{}-{checksum}.{part}", prefix.display()));
        // The index comes last: without it the pack is not seen.
        for part in PARTS
            .iter()
            .rev()
            .filter(|part| must_have(part) || from(part).exists())
        {
            super::durable::sync_file(&from(part))?;
        }
        for part in PARTS.iter().rev().filter(|part| from(part).exists()) {
            let to = pack.stem.with_extension(part);
            fs::rename(from(part), &to).map_err(Error::io("rename to", &to))?;
        }
        sync_dir(&root.join("objects/pack"))?;
        Ok(pack)
    }
}

impl Repository {
    /// Every pack, but for those marked to be left alone.
    pub(super) fn packs(&self) -> Result<Vec<Pack>> {
        let folder = self.root().join("objects/pack");
        let mut packs = Vec::new();
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            let is_pack = path
                .extension()
                .is_some_and(|extension| extension == "pack")
                && path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("pack-"));
            if is_pack && !KEEP.iter().any(|keep| path.with_extension(keep).exists()) {
                packs.push(Pack {
                    stem: path.with_extension(""),
                });
            }
        }
        Ok(packs)
    }

    /// Removes packs that git left half-written, as it does when the disk is full, of which `is_dead` says so by the time of
    /// their last change.
    pub(super) fn clear_pack_leftovers(&self, is_dead: impl Fn(SystemTime) -> bool) -> Result<()> {
        let folder = self.root().join("objects/pack");
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let entry = entry.map_err(Error::io("read", &folder))?;
            let is_temporary = entry.file_name().to_string_lossy().starts_with("tmp_");
            let changed = entry.metadata().and_then(|file| file.modified());
            if is_temporary && changed.is_ok_and(&is_dead) {
                remove_if_there(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Writes the objects into a durable pack without deltas, for `gc`; `None` if there are none.
    pub(super) fn write_pack(
        &self,
        repo: &gix::Repository,
        ids: &[gix::ObjectId],
    ) -> Result<Option<Pack>> {
        if ids.is_empty() {
            return Ok(None);
        }
        let tmp = self.gc_dir()?;
        let new_file = || {
            tempfile::Builder::new()
                .permissions(mode(0o444))
                .tempfile_in(&tmp)
                .map_err(Error::io("write a pack in", &tmp))
        };
        let mut file = new_file()?;
        let mut entries = Vec::with_capacity(ids.len());
        let checksum = {
            let mut out = gix::hash::io::Write::new(
                std::io::BufWriter::new(file.as_file_mut()),
                repo.object_hash(),
            );
            let count = u32::try_from(ids.len())
                .map_err(|_| Error::Busy("more than 2^32 objects to copy".to_owned()))?;
            let failed = || Error::io("write a pack in", &tmp);
            out.write_all(&gix_pack::data::header::encode(
                gix_pack::data::Version::V2,
                count,
            ))
            .map_err(failed())?;
            let mut offset = 12;
            for id in ids {
                offset += write_entry(repo, *id, offset, &mut out, &mut entries)
                    .map_err(|error| error.on(&tmp))?;
            }
            let checksum = out
                .hash
                .try_finalize()
                .map_err(Error::database("hash a pack"))?;
            out.inner.write_all(checksum.as_bytes()).map_err(failed())?;
            out.inner.flush().map_err(failed())?;
            checksum
        };
        let mut index = new_file()?;
        index
            .write_all(&encode_index(&mut entries, &checksum)?)
            .map_err(Error::io("write a pack in", &tmp))?;
        let pack = Pack::named(self.root(), &checksum.to_string());
        persist(file, &pack.stem.with_extension("pack"))?;
        persist(index, &pack.stem.with_extension("idx"))?;
        sync_dir(&self.root().join("objects/pack"))?;
        Ok(Some(pack))
    }
}

/// What the index says of one object.
struct IndexEntry {
    id: gix::ObjectId,
    crc32: u32,
    offset: u64,
}

/// Why an entry could not be written.
enum EntryError {
    Write(std::io::Error),
    Repo(Error),
}

impl EntryError {
    fn on(self, path: &Path) -> Error {
        match self {
            Self::Write(error) => Error::io("write a pack in", path)(error),
            Self::Repo(error) => error,
        }
    }
}

/// Writes one object at `offset`, and returns the number of bytes that it takes.
fn write_entry(
    repo: &gix::Repository,
    id: gix::ObjectId,
    offset: u64,
    out: &mut impl Write,
    index: &mut Vec<IndexEntry>,
) -> Result<u64, EntryError> {
    let failed = || Error::database(format!("pack object {id}"));
    let object = repo
        .find_object(id)
        .map_err(failed())
        .map_err(EntryError::Repo)?;
    let data = gix::objs::Data::new(&object.data, object.kind, repo.object_hash());
    let entry = gix_pack::data::input::Entry::from_data_obj(&data, offset, Compression::DEFAULT)
        .map_err(failed())
        .map_err(EntryError::Repo)?;
    entry
        .header
        .write_to(entry.decompressed_size, &mut *out)
        .map_err(EntryError::Write)?;
    out.write_all(
        entry
            .compressed
            .as_deref()
            .expect("BUG: made with its data"),
    )
    .map_err(EntryError::Write)?;
    index.push(IndexEntry {
        id,
        crc32: entry.compute_crc32(),
        offset,
    });
    Ok(entry.bytes_in_pack())
}

/// A version 2 pack index: fan-out, ids, checksums, offsets, and those offsets that need more than 31 bits.
fn encode_index(entries: &mut [IndexEntry], pack: &gix::oid) -> Result<Vec<u8>> {
    entries.sort_by_key(|entry| entry.id);
    let mut bytes = b"\xfftOc\0\0\0\x02".to_vec();
    for first in 0..=255u8 {
        let count = entries.partition_point(|entry| entry.id.as_bytes()[0] <= first);
        bytes.extend(
            u32::try_from(count)
                .expect("BUG: counted before")
                .to_be_bytes(),
        );
    }
    entries
        .iter()
        .for_each(|entry| bytes.extend(entry.id.as_bytes()));
    entries
        .iter()
        .for_each(|entry| bytes.extend(entry.crc32.to_be_bytes()));
    let mut long_offsets = Vec::new();
    for entry in &*entries {
        match u32::try_from(entry.offset)
            .ok()
            .filter(|offset| offset >> 31 == 0)
        {
            Some(offset) => bytes.extend(offset.to_be_bytes()),
            None => {
                let nth = u32::try_from(long_offsets.len() / 8).expect("BUG: counted before");
                bytes.extend((1 << 31 | nth).to_be_bytes());
                long_offsets.extend(entry.offset.to_be_bytes());
            }
        }
    }
    bytes.extend(long_offsets);
    bytes.extend(pack.as_bytes());
    let mut hasher = gix::hash::hasher(pack.kind());
    hasher.update(&bytes);
    bytes.extend(
        hasher
            .try_finalize()
            .map_err(Error::database("hash a pack index"))?
            .as_bytes(),
    );
    Ok(bytes)
}

/// Removes a file; that it is gone already is fine.
pub(super) fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}
