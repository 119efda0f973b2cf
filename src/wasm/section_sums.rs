//! Adds up the sizes of a module's sections by kind and name.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{Chunk, Encoding, Parser, Payload};

use super::facts::SectionKind;
use super::{Error, head};

/// The maximum number of sums. Custom sections with further names are added up in one sum without a name.
const SUMS_MAX: usize = 10_000;

/// The total size of the sections of each kind, and of the custom sections of each name, in bytes.
pub(super) type SectionSums = BTreeMap<(SectionKind, Option<String>), u64>;

/// A difference between two modules in the total size of the sections of a kind, or of the custom sections with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionChange {
    /// The kind of the sections.
    pub kind: SectionKind,
    /// The name of the custom sections. `None` for other sections, and for the sum of all custom sections that are not among the first
    /// 10,000 sums.
    pub name: Option<String>,
    /// The total size of these sections in the old module, in bytes; `None` if it has no such section.
    pub old: Option<u64>,
    /// The total size of the sections with this kind and name in the new module, in bytes; `None` if it has no such section.
    pub new: Option<u64>,
}

/// Adds up the sizes of the sections of the outermost module or component. Each size includes the section's id and length field, so the
/// total of all sums and of the module's header is the size of the module.
///
/// # Errors
/// [`Error::Invalid`] if the sequence of sections of the outermost module or component is malformed.
pub(super) fn section_sums(bytes: &[u8]) -> Result<SectionSums, Error> {
    head::check(bytes)?;
    let mut sums = SectionSums::new();
    let mut encoding = Encoding::Module;
    let mut parser = Parser::new(0);
    let (mut rest, mut start) = (bytes, 0);
    let truncated = || Error::invalid("truncated: unexpected end-of-file", bytes.len() as u64);
    loop {
        let Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? else {
            return Err(truncated());
        };
        let mut end = start + consumed as u64;
        match &payload {
            Payload::End(_) => return Ok(sums),
            Payload::Version {
                encoding: found, ..
            } => encoding = *found,
            payload => {
                if let Some((id, range)) = payload.as_section()
                    && let Some(kind) = SectionKind::of_id(encoding, id)
                {
                    end = range.end;
                    let name = match payload {
                        Payload::CustomSection(section) => Some(section.name().to_owned()),
                        _ => None,
                    };
                    let mut key = (kind, name);
                    if sums.len() >= SUMS_MAX && !sums.contains_key(&key) {
                        key.1 = None;
                    }
                    *sums.entry(key).or_default() += end.saturating_sub(start);
                }
            }
        }
        if let Payload::CodeSectionStart { .. } = payload {
            parser.skip_section();
        }
        rest = usize::try_from(end)
            .ok()
            .and_then(|end| bytes.get(end..))
            .ok_or_else(truncated)?;
        start = end;
    }
}

/// Returns the sums that differ, sorted by kind and name.
pub(super) fn changed_sums(old: &SectionSums, new: &SectionSums) -> Vec<SectionChange> {
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let changes = keys.into_iter().map(|key| SectionChange {
        kind: key.0,
        name: key.1.clone(),
        old: old.get(key).copied(),
        new: new.get(key).copied(),
    });
    changes.filter(|change| change.old != change.new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(text: &str) -> SectionSums {
        section_sums(&wat::parse_str(text).unwrap()).unwrap()
    }

    #[test]
    fn the_sums_and_the_header_add_up_to_the_size_of_the_module() {
        for text in [
            r#"(module (@custom "a" "12") (func (export "f") i32.const 1 drop) (memory 1) (data "abc") (@custom "a" "3"))"#,
            r#"(component (core module (func)) (component) (core module) (@custom "b" ""))"#,
        ] {
            let bytes = wat::parse_str(text).unwrap();
            let sum: u64 = section_sums(&bytes).unwrap().values().sum();
            assert_eq!(sum + 8, bytes.len() as u64, "{text}");
        }
    }

    #[test]
    fn only_sums_that_differ_are_listed() {
        let old = sums(r#"(module (func nop) (@custom "a" "12") (@custom "b" ""))"#);
        let new = sums(r#"(module (func nop nop) (@custom "a" "1") (@custom "a" "2") (data ""))"#);
        let changed = changed_sums(&old, &new);
        let listed = changed.iter().map(|change| {
            let name = change.name.as_deref().unwrap_or_default();
            (change.kind.as_str(), name, change.old, change.new)
        });
        assert_eq!(
            listed.collect::<Vec<_>>(),
            [
                ("custom", "a", Some(6), Some(10)),
                ("custom", "b", Some(4), None),
                ("code", "", Some(7), Some(8)),
                ("data", "", None, Some(5)),
            ]
        );
    }

    #[test]
    fn a_truncated_module_is_an_error() {
        let bytes = wat::parse_str("(module (func nop))").unwrap();
        assert!(section_sums(&bytes[..bytes.len() - 1]).is_err());
    }
}
