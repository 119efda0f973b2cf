//! Snapshots of refs. A snapshot is an object in git's packed-refs format, with the hash of its content in its key.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};

use super::manifest::hex;
use crate::names::{ObjectId, RefName};

/// The maximum size of a snapshot, in bytes. More than a million refs fit.
pub(super) const SNAPSHOT_BYTES_MAX: u64 = 256 << 20;

/// The first line of a snapshot. In its own files, git adds the traits `peeled` and `fully-peeled`, because they contain the targets of
/// annotated tags.
const HEADER: &str = "# pack-refs with: sorted \n";

/// The prefix of the keys of snapshots in a bucket.
pub(super) const PREFIX: &str = "refs/";

/// Returns the text of a snapshot with these refs, sorted by name.
pub(super) fn encode<'a>(refs: impl Iterator<Item = (&'a RefName, ObjectId)>) -> String {
    let mut lines: Vec<_> = refs.map(|(name, id)| (name.to_string(), id)).collect();
    lines.sort();
    let lines = lines.iter().map(|(name, id)| format!("{id} {name}\n"));
    std::iter::once(HEADER.to_owned()).chain(lines).collect()
}

/// Returns the key in the bucket of the snapshot with this text, which lists refs. `generation` is the generation (version number) of the
/// shared state for which the snapshot is made.
pub(super) fn key(generation: u64, text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    format!("{PREFIX}{generation:012}-{}", hex(hash.as_ref()))
}

/// Returns whether a text is the key of a snapshot.
pub(super) fn is_snapshot_key(text: &str) -> bool {
    let Some((generation, hash)) = text
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split_once('-'))
    else {
        return false;
    };
    let is_hash = hash.len() == 64
        && hash
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let number = generation.parse::<u64>().ok();
    is_hash && number.is_some_and(|number| format!("{number:012}") == generation)
}

/// Parses the text of the snapshot with this key. The SHA-256 of the text must be the hash in the key.
pub(super) fn parse(key: &str, bytes: &[u8]) -> Result<BTreeMap<RefName, ObjectId>, String> {
    let hash = hex(digest(&SHA256, bytes).as_ref());
    if !key.ends_with(&hash) {
        return Err(format!(
            "the content of {key} does not have the hash in its name"
        ));
    }
    let text = str::from_utf8(bytes).map_err(|_| format!("{key} is not text"))?;
    let lines = text
        .strip_prefix(HEADER)
        .ok_or_else(|| format!("{key} has an unknown first line"))?;
    let mut refs = BTreeMap::new();
    for line in lines.lines() {
        let (id, name) = line.split_once(' ').unwrap_or((line, ""));
        let id = ObjectId::parse(id).ok_or_else(|| format!("{key} has an invalid id"))?;
        let name = RefName::parse(name).map_err(|error| format!("{key}: {error}"))?;
        refs.insert(name, id);
    }
    Ok(refs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_parsed_as_they_were_encoded() {
        let id = |digit: &str| ObjectId::parse(&digit.repeat(40)).unwrap();
        let refs: BTreeMap<_, _> = [
            "refs/tags/v1",
            "refs/heads/b",
            "refs/heads/a/b",
            "refs/oci/records",
        ]
        .into_iter()
        .zip(["1", "2", "3", "4"])
        .map(|(name, digit)| (RefName::parse(name).unwrap(), id(digit)))
        .collect();
        let text = encode(refs.iter().map(|(name, id)| (name, *id)));
        let lines: Vec<_> = text
            .lines()
            .map(|line| line.rsplit(' ').next().unwrap())
            .collect();
        assert_eq!(
            lines[1..],
            [
                "refs/heads/a/b",
                "refs/heads/b",
                "refs/oci/records",
                "refs/tags/v1"
            ]
        );
        let key = key(7, &text);
        assert!(
            is_snapshot_key(&key) && key.starts_with("refs/000000000007-"),
            "{key}"
        );
        assert_eq!(parse(&key, text.as_bytes()).unwrap(), refs);
        let cut = &text.as_bytes()[..text.len() - 1];
        assert!(
            parse(&key, cut)
                .unwrap_err()
                .contains("does not have the hash")
        );
    }

    #[test]
    fn other_texts_are_not_keys() {
        let hash = "a".repeat(64);
        for text in [
            "",
            "refs/1",
            "refs/7-x",
            "packs/000000000007-",
            "refs/000000000007-aa",
        ] {
            assert!(!is_snapshot_key(text), "{text}");
        }
        assert!(!is_snapshot_key(&format!("refs/7-{hash}")));
        assert!(is_snapshot_key(&format!("refs/000000000007-{hash}")));
    }
}
