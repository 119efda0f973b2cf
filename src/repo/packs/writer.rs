//! Writing one pack and its index (gitformat-pack(5), both in version 2).
//!
//! The index is encoded here because gix's encoder is private.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use gix::zlib::Compression;
use gix::zlib::stream::deflate;
use tempfile::NamedTempFile;

use crate::repo::error::{Error, Result};
use crate::repo::failpoints::{self, step};
use crate::repo::fs::{self, remove_if_there, sync_dir, sync_file};
use crate::repo::packs::entry::{PackEntry, header_of};
use crate::repo::packs::pack::Pack;
use crate::repo::parallel::in_parallel;

/// A pack that is being written. Dropping this removes its files.
pub(crate) struct PackWriter {
    tmp: PathBuf,
    /// Empty files in `tmp` that are used before new files are created.
    files: Vec<NamedTempFile>,
    out: gix::hash::io::Write<BufWriter<NamedTempFile>>,
    offset: u64,
    entries: Vec<IndexEntry>,
    entries_left: u32,
}

/// Writes the bytes of one object into a pack.
struct EntryWriter<'w> {
    pack: &'w mut PackWriter,
    crc32: crc32fast::Hasher,
}

impl Write for EntryWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.crc32.update(bytes);
        self.pack.write(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One object in the index.
struct IndexEntry {
    id: gix::ObjectId,
    crc32: u32,
    offset: u64,
}

impl PackWriter {
    /// Begins a pack of `count` objects in a temporary file in the directory `tmp`.
    pub(crate) fn new(tmp: &Path, format: gix::hash::Kind, count: usize) -> Result<Self> {
        Self::with_files(Vec::new(), tmp, format, count)
    }

    /// Begins a pack of `count` objects. It is written to `files`, which [`new_file`] created in `tmp`. If there are fewer than two, the
    /// missing files are created.
    pub(crate) fn with_files(
        mut files: Vec<NamedTempFile>,
        tmp: &Path,
        format: gix::hash::Kind,
        count: usize,
    ) -> Result<Self> {
        let count = u32::try_from(count).map_err(|_| Error::Io {
            action: "write",
            path: tmp.to_owned(),
            source: io::Error::new(
                io::ErrorKind::FileTooLarge,
                "a pack has at most 2^32 - 1 objects",
            ),
        })?;
        let file = files.pop().map_or_else(|| new_file(tmp), Ok)?;
        let mut writer = Self {
            tmp: tmp.to_owned(),
            files,
            out: gix::hash::io::Write::new(BufWriter::new(file), format),
            offset: 0,
            entries: Vec::with_capacity(count as usize),
            entries_left: count,
        };
        let header = gix_pack::data::header::encode(gix_pack::data::Version::V2, count);
        writer.write(&header)?;
        Ok(writer)
    }

    /// Adds an object that is not in the pack yet.
    pub(crate) fn add(&mut self, id: gix::ObjectId, entry: &PackEntry) -> Result<()> {
        self.add_bytes(id, entry.crc32, &entry.bytes)
    }

    /// Adds a large object, which is compressed while it is read.
    pub(crate) fn add_stream(
        &mut self,
        id: gix::ObjectId,
        kind: gix::objs::Kind,
        size_bytes: u64,
        from: &mut dyn Read,
    ) -> Result<()> {
        let begin = self.begin_entry(id);
        let mut entry = EntryWriter {
            crc32: crc32fast::Hasher::new(),
            pack: self,
        };
        let tmp = entry.pack.tmp.clone();
        let mut write = || -> io::Result<()> {
            header_of(kind)
                .write_to(size_bytes, &mut entry)
                .map_err(io::Error::other)?;
            let mut to = deflate::Write::new(&mut entry, Compression::BEST_SPEED);
            io::copy(from, &mut to)?;
            to.flush()
        };
        write().map_err(Error::io("write a pack in", &tmp))?;
        let crc32 = entry.crc32.finalize();
        self.entries[begin].crc32 = crc32;
        Ok(())
    }

    /// Adds an object that is already encoded as a pack entry, for example in another pack.
    pub(crate) fn add_bytes(&mut self, id: gix::ObjectId, crc32: u32, bytes: &[u8]) -> Result<()> {
        let at = self.begin_entry(id);
        self.entries[at].crc32 = crc32;
        self.write(bytes)
    }

    /// Adds an index entry for the object that is written next, and returns the position of the entry. The caller sets the entry's
    /// checksum.
    fn begin_entry(&mut self, id: gix::ObjectId) -> usize {
        self.entries_left = self
            .entries_left
            .checked_sub(1)
            .expect("BUG: the objects were counted");
        self.entries.push(IndexEntry {
            id,
            crc32: 0,
            offset: self.offset,
        });
        self.entries.len() - 1
    }

    /// Finishes the pack, and makes it a durable pack of the repository at `root`.
    pub(crate) fn install(mut self, root: &Path) -> Result<Pack> {
        assert_eq!(self.entries_left, 0, "BUG: the objects were counted");
        let checksum = self
            .out
            .hash
            .try_finalize()
            .map_err(Error::database("hash a pack"))?;
        let failed = || Error::io("write a pack in", &self.tmp);
        let mut out = self.out.inner;
        out.write_all(checksum.as_bytes()).map_err(failed())?;
        let pack_file = out
            .into_inner()
            .map_err(|error| failed()(error.into_error()))?;
        let pack = Pack::named(root, &checksum.to_string());
        let index = encode_index(&mut self.entries, &checksum)?;
        if is_same(&pack, pack_file.as_file(), &index).map_err(failed())? {
            // A pack of the same objects exists, and is not damaged. Its writer may have been killed before the fsyncs.
            let dir = root.join("objects/pack");
            pack.files()
                .iter()
                .chain([&dir])
                .try_for_each(|path| sync_file(path))?;
            return Ok(pack);
        }
        let file = self.files.pop();
        let (index_file, synced) = in_parallel(
            || write_index(file, &self.tmp, &index),
            || sync(pack_file.as_file(), &self.tmp),
        );
        synced?;
        install_files(root, pack, pack_file, index_file?)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = failpoints::write("write pack", &mut self.out, bytes);
        written.map_err(Error::io("write a pack in", &self.tmp))?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

/// Returns whether the files of an existing pack have the bytes of a new pack and of its index. A damaged pack has others.
fn is_same(existing: &Pack, pack: &File, index: &[u8]) -> io::Result<bool> {
    if !existing.is_complete() {
        return Ok(false);
    }
    let [pack_path, index_path] = existing.files();
    let (Ok(old), Ok(old_index)) = (File::open(pack_path), std::fs::read(index_path)) else {
        return Ok(false);
    };
    let size = pack.metadata()?.len();
    if old_index != index || old.metadata()?.len() != size {
        return Ok(false);
    }
    let mut at = 0;
    let (mut new_bytes, mut old_bytes) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    while at < size {
        let length = usize::try_from(size - at).map_or(1 << 16, |left| left.min(1 << 16));
        pack.read_exact_at(&mut new_bytes[..length], at)?;
        if old.read_exact_at(&mut old_bytes[..length], at).is_err()
            || old_bytes[..length] != new_bytes[..length]
        {
            return Ok(false);
        }
        at += length as u64;
    }
    Ok(true)
}

/// Creates a file in the directory `tmp`, for a pack or its index.
pub(crate) fn new_file(tmp: &Path) -> Result<NamedTempFile> {
    step("create pack")
        .and_then(|()| fs::new_file(tmp, 0o444))
        .map_err(Error::io("write a pack in", tmp))
}

/// Writes the index into `file`, or into a new file in the directory `tmp`, and fsyncs that file.
fn write_index(file: Option<NamedTempFile>, tmp: &Path, index: &[u8]) -> Result<NamedTempFile> {
    let mut index_file = file.map_or_else(|| new_file(tmp), Ok)?;
    failpoints::write("write index", &mut index_file, index)
        .map_err(Error::io("write a pack in", tmp))?;
    sync(index_file.as_file(), tmp)?;
    Ok(index_file)
}

fn sync(file: &File, tmp: &Path) -> Result<()> {
    step("fsync pack")
        .and_then(|()| file.sync_all())
        .map_err(Error::io("fsync a pack in", tmp))
}

/// Renames both files to their final names. The index comes last: git does not see the pack without it.
pub(crate) fn install_files(
    root: &Path,
    pack: Pack,
    pack_file: NamedTempFile,
    index_file: NamedTempFile,
) -> Result<Pack> {
    let [pack_path, index_path] = pack.files();
    let rename = |file: NamedTempFile, to: &Path| {
        let renamed = step("rename pack").and_then(|()| Ok(file.persist(to).map(drop)?));
        renamed.map_err(Error::io("rename to", to))
    };
    // A pack with an index is in use. If it is replaced by an intact one, it must not disappear.
    let replaces_pack = index_path.exists();
    rename(pack_file, &pack_path)?;
    if let Err(error) = rename(index_file, &index_path) {
        if !replaces_pack {
            let _ = remove_if_there(&pack_path);
        }
        return Err(error);
    }
    let dir = root.join("objects/pack");
    step("fsync pack directory").map_err(Error::io("fsync", &dir))?;
    sync_dir(&dir)?;
    Ok(pack)
}

/// Encodes a version 2 pack index: fan-out, ids, checksums, offsets, and the offsets that need more than 31 bits.
fn encode_index(entries: &mut [IndexEntry], pack: &gix::oid) -> Result<Vec<u8>> {
    entries.sort_by_key(|entry| entry.id);
    let mut bytes = b"\xfftOc\0\0\0\x02".to_vec();
    for first in 0..=255u8 {
        let count = entries.partition_point(|entry| entry.id.as_bytes()[0] <= first);
        bytes.extend(
            u32::try_from(count)
                .expect("BUG: the objects were counted")
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
                let nth =
                    u32::try_from(long_offsets.len() / 8).expect("BUG: the objects were counted");
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
