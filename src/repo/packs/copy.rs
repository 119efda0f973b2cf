//! Copying the objects of a pack into another pack without recompression.
//!
//! git writes deltas, most of which give their base as a distance in the pack (gitformat-pack(5), `OFS_DELTA`). The distance would be
//! wrong in another pack, so such a delta is rewritten to name its base by id (`REF_DELTA`). The base is in the same source pack, and is
//! copied too.

use std::collections::HashMap;

use gix_pack::data::entry::Header;

use crate::repo::error::{Error, Result};
use crate::repo::packs::entry::PackEntry;
use crate::repo::packs::pack::Pack;
use crate::repo::packs::writer::PackWriter;

/// A pack to copy from.
pub(crate) struct SourcePack {
    pub pack: Pack,
    data: gix_pack::data::File,
    pub entries: Vec<SourceEntry>,
}

/// An object in a source pack.
pub(crate) struct SourceEntry {
    pub id: gix::ObjectId,
    crc32: u32,
    range: gix_pack::data::EntryRange,
    delta: Option<Delta>,
}

/// The properties of an object that is a delta.
struct Delta {
    base: gix::ObjectId,
    header_bytes: usize,
    size_bytes: u64,
}

impl Delta {
    /// Returns the properties of the delta `entry` at `offset`; `None` if its base is not in the pack. `ids` has the object at each offset
    /// of the pack.
    fn read(
        entry: &gix_pack::data::Entry,
        offset: u64,
        ids: &HashMap<u64, gix::ObjectId>,
        index: &gix_pack::index::File,
    ) -> Option<Self> {
        let base = match entry.header {
            Header::OfsDelta { base_distance } => {
                let base_offset = Header::verified_base_pack_offset(offset, base_distance)?;
                *ids.get(&base_offset)?
            }
            Header::RefDelta { base_id } => index.lookup(base_id).map(|_| base_id)?,
            _ => return None,
        };
        Some(Self {
            base,
            header_bytes: entry.header_size(),
            size_bytes: entry.decompressed_size,
        })
    }
}

impl SourcePack {
    /// Opens a pack; `None` if it has no index, or if its index is of version 1, which has no checksums of the objects.
    ///
    /// # Errors
    /// The pack cannot be read, an object does not match its checksum in the index, or the base of a delta is not in the pack.
    pub(crate) fn open(pack: &Pack, format: gix::hash::Kind) -> Result<Option<Self>> {
        let Some(index) = pack.index(format)? else {
            return Ok(None);
        };
        let path = pack.part("pack");
        let failed = || Error::database(format!("read {path:?}"));
        let damaged = |reason: String| Error::database(format!("read {path:?}"))(reason);
        let data = gix_pack::data::File::at(&path, format).map_err(failed())?;
        let mut found: Vec<_> = index.iter().collect();
        found.sort_by_key(|entry| entry.pack_offset);
        let ids: HashMap<_, _> = found
            .iter()
            .map(|entry| (entry.pack_offset, entry.oid))
            .collect();
        let ends = found.iter().skip(1).map(|entry| entry.pack_offset);
        let ends: Vec<_> = ends.chain([data.pack_end() as u64]).collect();
        let mut entries = Vec::with_capacity(found.len());
        for (entry, end) in found.into_iter().zip(ends) {
            let (id, range) = (entry.oid, entry.pack_offset..end);
            let Some(crc32) = entry.crc32 else {
                return Ok(None);
            };
            let size = (end - entry.pack_offset) as usize;
            if data.entry_crc32(entry.pack_offset, size) != crc32 {
                return Err(damaged(format!("the checksum of object {id} is wrong")));
            }
            let data_entry = data.entry(entry.pack_offset).map_err(failed())?;
            let delta = if data_entry.header.is_delta() {
                let lost = || damaged(format!("the base of object {id} is not in the pack"));
                let delta = Delta::read(&data_entry, range.start, &ids, &index);
                Some(delta.ok_or_else(lost)?)
            } else {
                None
            };
            entries.push(SourceEntry {
                id,
                crc32,
                range,
                delta,
            });
        }
        Ok(Some(Self {
            pack: pack.clone(),
            data,
            entries,
        }))
    }

    /// Copies an object. The caller must copy the base of a delta too.
    pub(crate) fn copy(&self, entry: &SourceEntry, to: &mut PackWriter) -> Result<()> {
        let bytes = self.data.entry_slice(entry.range.clone());
        let failed = Error::database(format!("copy object {}", entry.id));
        let bytes = bytes.ok_or("the pack is truncated").map_err(failed)?;
        match &entry.delta {
            None => to.add_bytes(entry.id, entry.crc32, bytes),
            Some(delta) => {
                let compressed = &bytes[delta.header_bytes..];
                let object = PackEntry::delta(delta.base, delta.size_bytes, compressed)?;
                to.add(entry.id, &object)
            }
        }
    }
}
