//! Compressed variants of modules: the choice of the content coding, and a cache of variants.

use std::io::{self, Write};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use flate2::Compression;
use flate2::write::GzEncoder;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::config::ServerLimits;
use crate::names::ModuleHash;
use crate::store::Module;

/// The zstd compression level. It is higher than zstd's default, because a variant is compressed once and sent often.
const ZSTD_LEVEL: i32 = 6;
/// The maximum memory of an encoder, in bytes.
const ENCODER_BYTES_MAX: u64 = 10 << 20;
/// The number of variants (compressed modules) that the cache is expected to hold.
const VARIANTS_EXPECTED: usize = 1024;
/// The memory that a cached variant (a compressed module) takes in addition to its data, in bytes.
const ENTRY_OVERHEAD_BYTES: u64 = 128;

/// A content coding (RFC 9110, section 8.4.1; zstd: RFC 8878).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::http) enum Coding {
    Zstd,
    Gzip,
}

impl Coding {
    /// All codings, the one that compresses best first.
    pub const ALL: [Self; 2] = [Self::Zstd, Self::Gzip];

    /// Returns the name of the coding in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Returns the coding that the client prefers according to `Accept-Encoding`; `None` if it prefers uncompressed bytes.
    pub fn preferred(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(ACCEPT_ENCODING).iter();
        let ranges: Vec<_> = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(parse_weighted)
            .collect();
        let weight_of = |name: &str| {
            let range = ranges
                .iter()
                .find(|(range, _)| range.eq_ignore_ascii_case(name));
            range.map(|(_, weight)| *weight)
        };
        let weight = |coding: Self| {
            weight_of(coding.name())
                .or_else(|| weight_of("*"))
                .unwrap_or(0)
        };
        let weight_min = weight_of("identity").unwrap_or(1).max(1);
        let acceptable = Self::ALL
            .into_iter()
            .filter(|coding| weight(*coding) >= weight_min);
        // If several codings have the same weight, `max_by_key` returns the last of them. Because of the reverse order, that is the one
        // that compresses best.
        acceptable.rev().max_by_key(|coding| weight(*coding))
    }
}

/// Parses the name of a coding, and its weight in thousandths (RFC 9110, section 12.4.2).
fn parse_weighted(range: &str) -> Option<(&str, u16)> {
    let (name, parameters) = range.split_once(';').unwrap_or((range, "q=1"));
    let digits = parameters
        .trim()
        .strip_prefix(['q', 'Q'])?
        .trim_start()
        .strip_prefix('=')?;
    let weight: f32 = digits.trim().parse().ok()?;
    (0.0..=1.0)
        .contains(&weight)
        .then_some((name.trim(), (weight * 1000.0) as u16))
}

/// How a module is sent to a client that accepts a content coding.
#[derive(Clone)]
pub(in crate::http) enum Variant {
    /// Compressed: the bytes of the module in this content coding.
    Compressed(Coding, Bytes),
    /// Uncompressed, because the module is too large to be compressed, or because compression does not make it smaller.
    Identity,
}

/// A cache of compressed variants. tower-http's compression layer is not used, because it would compress each response again, and supports
/// neither entity tags per coding nor ranges.
pub(in crate::http) struct EncodingCache {
    variants: Cache<(ModuleHash, Coding), Variant, BySize>,
    module_bytes_max: u64,
}

#[derive(Clone)]
struct BySize;

impl Weighter<(ModuleHash, Coding), Variant> for BySize {
    fn weight(&self, _: &(ModuleHash, Coding), variant: &Variant) -> u64 {
        match variant {
            Variant::Compressed(_, bytes) => ENTRY_OVERHEAD_BYTES + bytes.len() as u64,
            Variant::Identity => ENTRY_OVERHEAD_BYTES,
        }
    }
}

impl EncodingCache {
    /// Creates an empty cache.
    pub fn new(limits: &ServerLimits) -> Self {
        let bytes_max = limits.compressed_bytes_max;
        Self {
            variants: Cache::with_weighter(VARIANTS_EXPECTED, bytes_max, BySize),
            // A variant that does not fit into the cache would have to be compressed for every request.
            module_bytes_max: limits.compressible_bytes_max.min(bytes_max / 4),
        }
    }

    /// Returns the variant of a module in this coding. Returns `None` if the module must be compressed first. Compression takes time, so
    /// the caller must then call [`get_or_compress`](Self::get_or_compress) on a blocking thread.
    pub fn get(&self, module: &Module, coding: Coding) -> Option<Variant> {
        if self.is_compressible(module) {
            self.variants.get(&(module.hash, coding))
        } else {
            Some(Variant::Identity)
        }
    }

    /// Returns the module in this coding. Compresses the module if the compressed variant is not in the cache.
    pub fn get_or_compress(&self, module: &Module, coding: Coding) -> Variant {
        if !self.is_compressible(module) {
            return Variant::Identity;
        }
        let compress = || {
            let compressed = compress(&module.bytes, coding)?;
            Ok::<_, io::Error>(if compressed.len() < module.bytes.len() {
                Variant::Compressed(coding, compressed)
            } else {
                Variant::Identity
            })
        };
        let variant = self
            .variants
            .get_or_insert_with(&(module.hash, coding), compress);
        variant.expect("BUG: writing to memory does not fail")
    }

    fn is_compressible(&self, module: &Module) -> bool {
        module.bytes.len() as u64 <= self.module_bytes_max
    }

    /// Returns how many lookups have found a variant in the cache, and how many have not.
    pub fn hits_and_misses(&self) -> (u64, u64) {
        (self.variants.hits(), self.variants.misses())
    }
}

/// Returns the memory that compressing a module of this size takes, in bytes. The encoders allocate space for a result that is as long as
/// the module. The window and the tables of zstd's level 6 take up to 16 times the size of the module, but less than 10 MiB.
pub(in crate::http) fn memory_to_compress(size_bytes: u64) -> u64 {
    let encoder_bytes = ENCODER_BYTES_MAX.min((256 << 10) + 16 * size_bytes);
    size_bytes + encoder_bytes
}

/// Compresses bytes.
///
/// # Errors
/// Never fails in practice, because writing to memory does not fail.
pub(in crate::http) fn compress(bytes: &[u8], coding: Coding) -> io::Result<Bytes> {
    let compressed = match coding {
        Coding::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL)?,
        Coding::Gzip => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
            gzip.write_all(bytes)?;
            gzip.finish()?
        }
    };
    Ok(compressed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_accepted_coding_is_preferred() {
        for (accepted, expected) in [
            (&["gzip, deflate, br, zstd"][..], Some(Coding::Zstd)),
            (&["gzip, deflate"], Some(Coding::Gzip)),
            (&["gzip;q=1.0, zstd;q=0.5"], Some(Coding::Gzip)),
            (&["gzip", "ZSTD"], Some(Coding::Zstd)),
            (&["*"], Some(Coding::Zstd)),
            (&["zstd;q=0, *;q=0.1"], Some(Coding::Gzip)),
            (&["identity"], None),
            (&["gzip;q=0.5, identity"], None),
            (&["gzip, identity;q=0"], Some(Coding::Gzip)),
            (&["gzip; q = 0"], None),
            (&["gzip;q=2", "br"], None),
            (&["gzip;level=9"], None),
            (&[""], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in accepted {
                headers.append(ACCEPT_ENCODING, value.parse().unwrap());
            }
            assert_eq!(Coding::preferred(&headers), expected, "{accepted:?}");
        }
    }
}
