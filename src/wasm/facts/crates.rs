//! Reads the crates from which a module was built, from the custom section `.dep-v0` that
//! [cargo-auditable](https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md) writes.

use std::collections::BTreeSet;
use std::io::Read;

use flate2::bufread::ZlibDecoder;
use serde::{Deserialize, Serialize};

use super::cut::{Cut, CutList};
use super::item::NAME_BYTES_MAX;
use super::text::{cut_text, json_bytes};

/// The maximum length of the decompressed JSON of a section `.dep-v0`, in bytes. `wasm-metadata` has the same limit.
const DECOMPRESSED_BYTES_MAX: u64 = 2 << 20;
/// The maximum number of `.dep-v0` sections that are read, in all modules of a component.
const SECTIONS_MAX: u32 = 8;
/// The maximum number of different crates that are collected.
const CRATES_MAX: usize = 20_000;
/// The maximum size of the list of crates, in bytes of JSON.
const CRATES_BYTES_MAX: usize = 64 << 10;
/// The length of the JSON of a crate without its name and version, in bytes.
const CRATE_BYTES: usize = 32;

/// The crates from which a module was built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Crates {
    /// The crates, sorted by name and version. For a component, the crates of all its core modules.
    Listed(Cut<Crate>),
    /// The crates are not known, because a section `.dep-v0` is malformed, longer than 64 KiB, or longer than 2 MiB when it is
    /// decompressed.
    Unreadable,
}

/// A Rust crate from which a module was built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Crate {
    /// The name of the crate.
    pub name: String,
    /// The version of the crate, as in `Cargo.lock`.
    pub version: String,
}

/// The part of the JSON in a section `.dep-v0` that is read.
#[derive(Deserialize)]
struct VersionInfo {
    packages: Vec<Crate>,
}

/// Collects the crates in the `.dep-v0` sections of several modules.
#[derive(Debug, Default)]
pub(super) struct CratesCollector {
    crates: BTreeSet<Crate>,
    sections: u32,
    is_unreadable: bool,
}

impl CratesCollector {
    /// Adds the crates of a section `.dep-v0`. `data` has the contents of the section, or is `None` if the section is too long.
    pub(super) fn section(&mut self, data: Option<&[u8]>) {
        self.sections = self.sections.saturating_add(1);
        if self.sections > SECTIONS_MAX {
            return;
        }
        match data.and_then(read) {
            Some(crates) => {
                let left = CRATES_MAX.saturating_sub(self.crates.len());
                self.crates.extend(crates.into_iter().take(left));
            }
            None => self.is_unreadable = true,
        }
    }

    pub(super) fn finish(self) -> Option<Crates> {
        if self.sections == 0 {
            return None;
        }
        if self.is_unreadable {
            return Some(Crates::Unreadable);
        }
        let mut list = CutList::new(CRATES_BYTES_MAX);
        for item in self.crates {
            let item = Crate {
                name: cut_text(&item.name, NAME_BYTES_MAX),
                version: cut_text(&item.version, NAME_BYTES_MAX),
            };
            let bytes = CRATE_BYTES + json_bytes(&item.name) + json_bytes(&item.version);
            list.push(item, bytes);
        }
        Some(Crates::Listed(list.finish()))
    }
}

/// Decodes the zlib-compressed JSON of a section `.dep-v0`. Returns `None` if it is malformed or too long.
fn read(data: &[u8]) -> Option<Vec<Crate>> {
    let mut json = Vec::new();
    let mut decoder = ZlibDecoder::new(data).take(DECOMPRESSED_BYTES_MAX + 1);
    decoder.read_to_end(&mut json).ok()?;
    if json.len() as u64 > DECOMPRESSED_BYTES_MAX {
        return None;
    }
    let info: VersionInfo = serde_json::from_slice(&json).ok()?;
    Some(info.packages)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn compressed(json: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(json).unwrap();
        encoder.finish().unwrap()
    }

    fn crates(sections: &[&[u8]]) -> Option<Crates> {
        let mut collector = CratesCollector::default();
        sections
            .iter()
            .for_each(|section| collector.section(Some(section)));
        collector.finish()
    }

    #[test]
    fn names_and_versions_are_read_and_sorted() {
        let json = br#"{"packages":[{"name":"serde","version":"1.0.1","source":"crates.io","dependencies":[1]},
            {"name":"app","version":"0.1.0","source":"local","root":true}]}"#;
        let of = |name: &str, version: &str| Crate {
            name: name.to_owned(),
            version: version.to_owned(),
        };
        let expected = Crates::Listed(Cut {
            items: vec![of("app", "0.1.0"), of("serde", "1.0.1")],
            total: 2,
        });
        let section = compressed(json);
        assert_eq!(crates(&[&section]), Some(expected.clone()));
        assert_eq!(crates(&[&section, &section]), Some(expected));
        assert_eq!(crates(&[]), None);
    }

    #[test]
    fn a_bomb_and_malformed_sections_are_unreadable() {
        let bomb = compressed(&vec![b' '; 60 << 20]);
        assert!(bomb.len() < 64 << 10);
        let truncated = compressed(br#"{"packages":[]}"#);
        for section in [&bomb[..], b"", b"{}", &truncated[..5], &compressed(b"[]")] {
            assert_eq!(crates(&[section]), Some(Crates::Unreadable));
        }
        let mut long = CratesCollector::default();
        long.section(None);
        assert_eq!(long.finish(), Some(Crates::Unreadable));
    }

    #[test]
    fn many_crates_are_cut() {
        let package = |n: usize| format!(r#"{{"name":"crate-{n:05}","version":"1.0.0"}}"#);
        let packages: Vec<_> = (0..10_000).map(package).collect();
        let section = compressed(format!(r#"{{"packages":[{}]}}"#, packages.join(",")).as_bytes());
        let Some(Crates::Listed(list)) = crates(&[&section]) else {
            panic!("they are readable");
        };
        assert_eq!(list.total, 10_000);
        assert!(serde_json::to_vec(&list.items).unwrap().len() <= CRATES_BYTES_MAX);
        assert!(list.items.len() > 1000);
    }
}
