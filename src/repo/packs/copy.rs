//! Packs whose objects are copied into another one as they are, without being deflated again.
//!
//! git writes deltas, of which most name their base by how far before them it stands in the pack (gitformat-pack(5), `OFS_DELTA`).
//! In another pack that would be wrong, so they are made to name it by its id (`REF_DELTA`); the base is in the same pack, and
//! copied with them or before.

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
    pub entries: Vec<Entry>,
}

/// An object as it stands in the pack.
pub(crate) struct Entry {
    pub id: gix::ObjectId,
    crc32: u32,
    at: gix_pack::data::EntryRange,
    delta: Option<Delta>,
}

/// What there is to say of an object that is a delta.
struct Delta {
    base: gix::ObjectId,
    header_bytes: usize,
    size_bytes: u64,
}

impl Delta {
    /// Of an entry at an offset; `None` if what it rests on is not in the pack.
    fn of(
        entry: &gix_pack::data::Entry,
        at: u64,
        ids: &HashMap<u64, gix::ObjectId>,
        index: &gix_pack::index::File,
    ) -> Option<Self> {
        let base = match entry.header {
            Header::OfsDelta { base_distance } => {
                let offset = Header::verified_base_pack_offset(at, base_distance)?;
                *ids.get(&offset)?
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
    /// Opens a pack; `None` if it has no complete index.
    ///
    /// # Errors
    /// It cannot be read, or an object is not as it was when the index was made, or rests on one that is not in the pack.
    pub(crate) fn open(pack: &Pack, format: gix::hash::Kind) -> Result<Option<Self>> {
        let Some(index) = pack.index(format)? else {
            return Ok(None);
        };
        let path = pack.part("pack");
        let failed = || Error::database(format!("read {path:?}"));
        let damaged = || Error::database(format!("read {path:?}"));
        let data = gix_pack::data::File::at(&path, format).map_err(failed())?;
        let mut found: Vec<_> = index.iter().collect();
        found.sort_by_key(|entry| entry.pack_offset);
        let ids: HashMap<_, _> = found.iter().map(|at| (at.pack_offset, at.oid)).collect();
        let ends = found.iter().skip(1).map(|entry| entry.pack_offset);
        let ends: Vec<_> = ends.chain([data.pack_end() as u64]).collect();
        let mut entries = Vec::with_capacity(found.len());
        for (entry, end) in found.into_iter().zip(ends) {
            let (id, at) = (entry.oid, entry.pack_offset..end);
            let Some(crc32) = entry.crc32 else {
                return Ok(None);
            };
            let size = (end - entry.pack_offset) as usize;
            if data.entry_crc32(entry.pack_offset, size) != crc32 {
                let what = format!("the checksum of object {id} is wrong");
                return Err(damaged()(what));
            }
            let entry = data.entry(entry.pack_offset).map_err(failed())?;
            let delta = match entry.header.is_delta() {
                true => {
                    let lost = || damaged()(format!("the base of object {id} is not in it"));
                    Some(Delta::of(&entry, at.start, &ids, &index).ok_or_else(lost)?)
                }
                false => None,
            };
            entries.push(Entry {
                id,
                crc32,
                at,
                delta,
            });
        }
        let pack = pack.clone();
        Ok(Some(Self {
            pack,
            data,
            entries,
        }))
    }

    /// Copies an object. What it rests on has to be in the other pack at the end.
    pub(crate) fn copy(&self, entry: &Entry, to: &mut PackWriter) -> Result<()> {
        let bytes = self.data.entry_slice(entry.at.clone());
        let failed = Error::database(format!("copy object {}", entry.id));
        let bytes = bytes.ok_or("the pack is cut short").map_err(failed)?;
        match &entry.delta {
            None => to.add_bytes(entry.id, entry.crc32, bytes),
            Some(delta) => {
                let deflated = &bytes[delta.header_bytes..];
                let object = PackEntry::delta(delta.base, delta.size_bytes, deflated)?;
                to.add(entry.id, &object)
            }
        }
    }
}
