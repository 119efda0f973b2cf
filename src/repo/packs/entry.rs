//! Objects as they stand in a pack (gitformat-pack(5)).

use std::cell::RefCell;

use gix::objs::Kind;
use gix::zlib::stream::deflate::{Compress, FlushCompress};
use gix::zlib::{Compression, Status};
use gix_pack::data::entry::Header;

use crate::repo::error::{Error, Result};

/// How much room is made at a time for what comes out, in bytes.
const PIECE_BYTES: usize = 1 << 12;

thread_local! {
    /// The state takes 270 KB, more than most objects: it is made once.
    static FAST: RefCell<Compress> = RefCell::new(Compress::new(Compression::BEST_SPEED));
}

/// One object, wherever in a pack it is going to be: its header and its deflated bytes.
pub(crate) struct PackEntry {
    pub bytes: Vec<u8>,
    pub crc32: u32,
}

impl PackEntry {
    /// Deflates an object.
    pub(crate) fn new(kind: Kind, object: &[u8]) -> Result<Self> {
        let deflated = FAST.with_borrow_mut(|state| deflate(state, object))?;
        let header = match kind {
            Kind::Tree => Header::Tree,
            Kind::Blob => Header::Blob,
            Kind::Commit => Header::Commit,
            Kind::Tag => Header::Tag,
        };
        Self::with_header(header, object.len() as u64, deflated)
    }

    /// A delta: what makes an object of `size_bytes` of delta from the object `base`, deflated.
    pub(crate) fn delta(base: gix::ObjectId, size_bytes: u64, deflated: &[u8]) -> Result<Self> {
        let header = Header::RefDelta { base_id: base };
        Self::with_header(header, size_bytes, deflated.to_owned())
    }

    fn with_header(header: Header, size_bytes: u64, deflated: Vec<u8>) -> Result<Self> {
        let mut bytes = Vec::with_capacity(deflated.len() + 64);
        let header_bytes = header
            .write_to(size_bytes, &mut bytes)
            .map_err(Error::database("pack an object"))?;
        bytes.extend_from_slice(&deflated);
        let entry = gix_pack::data::input::Entry {
            header,
            header_size: u16::try_from(header_bytes).expect("BUG: a header is short"),
            pack_offset: 0,
            compressed_size: deflated.len() as u64,
            compressed: Some(deflated),
            crc32: None,
            decompressed_size: size_bytes,
            trailer: None,
        };
        let crc32 = entry.compute_crc32();
        Ok(Self { bytes, crc32 })
    }
}

fn deflate(state: &mut Compress, mut from: &[u8]) -> Result<Vec<u8>> {
    state.reset();
    let mut to = Vec::new();
    loop {
        let begin = to.len();
        to.resize(begin + from.len() + PIECE_BYTES, 0);
        let (read, written) = (state.total_in(), state.total_out());
        let status = state.compress(from, &mut to[begin..], FlushCompress::Finish);
        let status = status.map_err(Error::database("deflate an object"))?;
        from = &from[(state.total_in() - read) as usize..];
        to.truncate(begin + (state.total_out() - written) as usize);
        if status == Status::StreamEnd {
            return Ok(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of every size come out as they went in, though they may take more room than before.
    #[test]
    fn whatever_is_deflated_can_be_inflated() {
        let mut x = 1u32;
        let noise = std::iter::repeat_with(|| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 24) as u8
        });
        let noise: Vec<u8> = noise.take(1 << 20).collect();
        for size in [0, 1, 100, 4096, 70_000, 1 << 20] {
            for object in [&noise[..size], &vec![7; size][..]] {
                let deflated = PackEntry::new(Kind::Blob, object).unwrap();
                let entry =
                    gix_pack::data::Entry::from_bytes(&deflated.bytes, 0, gix::hash::Kind::Sha1);
                let entry = entry.unwrap();
                assert_eq!(entry.decompressed_size, size as u64);
                let mut out = vec![0; size + 1];
                let body = &deflated.bytes[entry.header_size()..];
                let (status, read, written) =
                    gix::zlib::Inflate::default().once(body, &mut out).unwrap();
                assert_eq!((status, read), (Status::StreamEnd, body.len()));
                assert_eq!(&out[..written], object);
            }
        }
    }
}
