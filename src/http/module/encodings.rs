//! Compressed forms of modules, made once and kept in memory.

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

/// How hard zstd tries: a form is made once and sent often.
const ZSTD_LEVEL: i32 = 6;
/// About how many forms the cache is laid out for.
const FORMS_EXPECTED: usize = 1024;
/// What a form takes up besides its bytes.
const ITEM_BYTES: u64 = 128;

/// A content coding (RFC 9110, section 8.4.1; zstd: RFC 8878).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::http) enum Coding {
    Zstd,
    Gzip,
}

impl Coding {
    /// Every coding, the best first.
    pub const ALL: [Self; 2] = [Self::Zstd, Self::Gzip];

    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The coding that a client prefers of those there are; `None` is the plain form.
    pub fn accepted(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(ACCEPT_ENCODING).iter();
        let ranges: Vec<_> = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(weighted)
            .collect();
        let weight = |coding: Self| {
            let of = |name: &str| {
                ranges
                    .iter()
                    .find(|(range, _)| range.eq_ignore_ascii_case(name))
            };
            of(coding.name())
                .or_else(|| of("*"))
                .map_or(0, |range| range.1)
        };
        let plain = ranges
            .iter()
            .find(|(range, _)| range.eq_ignore_ascii_case("identity"));
        let least = plain.map_or(1, |range| range.1.max(1));
        let wanted = Self::ALL
            .into_iter()
            .filter(|coding| weight(*coding) >= least);
        // Of equal weights the first in the list, which is the best, is to win.
        wanted.rev().max_by_key(|coding| weight(*coding))
    }
}

/// A coding's name and its weight in thousandths (RFC 9110, section 12.4.2).
fn weighted(range: &str) -> Option<(&str, u16)> {
    let (name, parameters) = range.split_once(';').unwrap_or((range, "q=1"));
    let weight = parameters
        .trim()
        .strip_prefix(['q', 'Q'])?
        .trim_start()
        .strip_prefix('=')?;
    let weight: f32 = weight.trim().parse().ok()?;
    (0.0..=1.0)
        .contains(&weight)
        .then_some((name.trim(), (weight * 1000.0) as u16))
}

/// The compressed forms that were asked for lately.
pub(in crate::http) struct Forms {
    /// `None` for a module that does not get smaller.
    forms: Cache<(ModuleHash, Coding), Option<Bytes>, BySize>,
    module_bytes_max: u64,
}

#[derive(Clone)]
struct BySize;

impl Weighter<(ModuleHash, Coding), Option<Bytes>> for BySize {
    fn weight(&self, _: &(ModuleHash, Coding), form: &Option<Bytes>) -> u64 {
        ITEM_BYTES + form.as_ref().map_or(0, |bytes| bytes.len() as u64)
    }
}

impl Forms {
    /// Without any form yet.
    pub fn new(limits: &ServerLimits) -> Self {
        let bytes_max = limits.compressed_bytes_max;
        Self {
            forms: Cache::with_weighter(FORMS_EXPECTED, bytes_max, BySize),
            // A form that cannot be kept would be made for every request.
            module_bytes_max: limits.compressible_bytes_max.min(bytes_max / 4),
        }
    }

    /// What [`of`](Self::of) answers, if that needs no work.
    pub fn known(&self, module: &Module, coding: Coding) -> Option<Option<Bytes>> {
        match self.is_compressible(module) {
            true => self.forms.get(&(module.hash, coding)),
            false => Some(None),
        }
    }

    /// The module in that coding; `None` if it is too large for it, or gets no smaller. Takes its time when it is the first to ask.
    pub fn of(&self, module: &Module, coding: Coding) -> Option<Bytes> {
        if !self.is_compressible(module) {
            return None;
        }
        let make = || {
            let form = compress(&module.bytes, coding)?;
            Ok::<_, io::Error>((form.len() < module.bytes.len()).then_some(form))
        };
        let form = self.forms.get_or_insert_with(&(module.hash, coding), make);
        form.expect("BUG: memory can be written to")
    }

    fn is_compressible(&self, module: &Module) -> bool {
        module.bytes.len() as u64 <= self.module_bytes_max
    }

    /// How often a form was there already, and how often it had to be made.
    pub fn hits_and_misses(&self) -> (u64, u64) {
        (self.forms.hits(), self.forms.misses())
    }
}

fn compress(bytes: &[u8], coding: Coding) -> io::Result<Bytes> {
    let form = match coding {
        Coding::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL)?,
        Coding::Gzip => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
            gzip.write_all(bytes)?;
            gzip.finish()?
        }
    };
    Ok(form.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_the_accepted_codings_is_chosen() {
        for (accepted, wanted) in [
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
            assert_eq!(Coding::accepted(&headers), wanted, "{accepted:?}");
        }
    }
}
