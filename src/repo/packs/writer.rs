//! Writing one pack and its index (gitformat-pack(5), versions 2).

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::repo::error::{Error, Result};
use crate::repo::failpoints::{self, step};
use crate::repo::fs::remove_if_there;
use crate::repo::fs::{self, sync_dir, sync_file};
use crate::repo::packs::entry::PackEntry;
use crate::repo::packs::pack::Pack;
use crate::repo::parallel::in_parallel;

/// A pack in the making. Dropped, it leaves nothing behind.
pub(crate) struct PackWriter {
    folder: PathBuf,
    /// New files in that folder.
    files: Vec<NamedTempFile>,
    out: gix::hash::io::Write<BufWriter<NamedTempFile>>,
    offset: u64,
    entries: Vec<IndexEntry>,
    left: u32,
}

/// What the index says of one object.
struct IndexEntry {
    id: gix::ObjectId,
    crc32: u32,
    offset: u64,
}

impl PackWriter {
    /// Begins a pack of `count` objects in a file of the folder `tmp`.
    pub(crate) fn new(tmp: &Path, format: gix::hash::Kind, count: usize) -> Result<Self> {
        Self::with_files(Vec::new(), tmp, format, count)
    }

    /// The same, with new files of that folder that were made by [`new_file`].
    pub(crate) fn with_files(
        mut files: Vec<NamedTempFile>,
        tmp: &Path,
        format: gix::hash::Kind,
        count: usize,
    ) -> Result<Self> {
        let count = u32::try_from(count)
            .map_err(|_| Error::Busy("more than 2^32 objects to pack".to_owned()))?;
        let file = files.pop().map_or_else(|| new_file(tmp), Ok)?;
        let mut writer = Self {
            folder: tmp.to_owned(),
            files,
            out: gix::hash::io::Write::new(BufWriter::new(file), format),
            offset: 0,
            entries: Vec::with_capacity(count as usize),
            left: count,
        };
        let header = gix_pack::data::header::encode(gix_pack::data::Version::V2, count);
        writer.write(&header)?;
        Ok(writer)
    }

    /// Adds an object that is not in it yet.
    pub(crate) fn add(&mut self, id: gix::ObjectId, object: &PackEntry) -> Result<()> {
        self.add_bytes(id, object.crc32, &object.bytes)
    }

    /// Adds an object as it stands in another pack.
    pub(crate) fn add_bytes(&mut self, id: gix::ObjectId, crc32: u32, bytes: &[u8]) -> Result<()> {
        self.left = self.left.checked_sub(1).expect("BUG: counted before");
        let offset = self.offset;
        self.entries.push(IndexEntry { id, crc32, offset });
        self.write(bytes)
    }

    /// Ends it, and makes it durable as a pack of the repository at `root`.
    pub(crate) fn install(mut self, root: &Path) -> Result<Pack> {
        assert_eq!(self.left, 0, "BUG: counted before");
        let checksum = self.out.hash.try_finalize();
        let checksum = checksum.map_err(Error::database("hash a pack"))?;
        let failed = || Error::io("write a pack in", &self.folder);
        let mut out = self.out.inner;
        out.write_all(checksum.as_bytes()).map_err(failed())?;
        let pack_file = out
            .into_inner()
            .map_err(|error| failed()(error.into_error()))?;
        let pack = Pack::named(root, &checksum.to_string());
        if pack.is_complete() {
            // The same objects were packed before; who did may not have come to flush them.
            let folder = root.join("objects/pack");
            pack.files()
                .iter()
                .chain([&folder])
                .try_for_each(|path| sync_file(path))?;
            return Ok(pack);
        }
        let index = encode_index(&mut self.entries, &checksum)?;
        let files = self.files.pop();
        let (index_file, flushed) = in_parallel(
            || write_index(files, &self.folder, &index),
            || flush(pack_file.as_file(), &self.folder),
        );
        flushed?;
        place(root, pack, pack_file, index_file?)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = failpoints::write("write pack", &mut self.out, bytes);
        written.map_err(Error::io("write a pack in", &self.folder))?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

/// A new file in the folder `tmp`, for a pack or its index.
pub(crate) fn new_file(tmp: &Path) -> Result<NamedTempFile> {
    step("create pack")
        .and_then(|()| fs::new_file(tmp, 0o444))
        .map_err(Error::io("write a pack in", tmp))
}

/// Writes the index into the files file, or into a new one of the folder `tmp`, and flushes it.
fn write_index(files: Option<NamedTempFile>, tmp: &Path, index: &[u8]) -> Result<NamedTempFile> {
    let mut file = files.map_or_else(|| new_file(tmp), Ok)?;
    failpoints::write("write index", &mut file, index)
        .map_err(Error::io("write a pack in", tmp))?;
    flush(file.as_file(), tmp)?;
    Ok(file)
}

fn flush(file: &File, tmp: &Path) -> Result<()> {
    step("flush pack")
        .and_then(|()| file.sync_all())
        .map_err(Error::io("flush a pack in", tmp))
}

/// Gives both files their names, the index last: without it the pack is not seen.
fn place(
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
    rename(pack_file, &pack_path)?;
    if let Err(error) = rename(index_file, &index_path) {
        let _ = remove_if_there(&pack_path);
        return Err(error);
    }
    let folder = root.join("objects/pack");
    step("flush pack folder").map_err(Error::io("flush", &folder))?;
    sync_dir(&folder)?;
    Ok(pack)
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
