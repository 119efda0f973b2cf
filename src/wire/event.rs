//! Events of a branch (changes of its tip) as JSON texts of a limited size, which a server sends to watchers.

use std::ops::Range;

use serde::Serialize;

use super::as_string::AsString;
use super::changes::Changes;
use crate::names::{BranchName, CommitId};
use crate::store::{Event, PathChange};

/// The maximum size of one JSON text, in bytes; a larger event is split.
pub const EVENT_BYTES_MAX: usize = 512 << 10;
/// The maximum number of globs with which a watcher filters events.
pub const WATCH_GLOBS_MAX: usize = 64;
/// The maximum total size of the globs with which a watcher filters events, in bytes.
pub const WATCH_GLOBS_BYTES_MAX: usize = 4096;
/// The maximum size of a commit message or author in an event, in bytes of JSON. Longer texts are truncated; `GET /commit` returns them in
/// full.
const FIELD_BYTES_MAX: usize = 128 << 10;

/// Returns the changes of one event as JSON objects of at most [`EVENT_BYTES_MAX`] bytes each; a single `{}` if nothing changed. Each
/// object is valid by itself, and no path is in two objects.
pub fn event_texts(event: &Event) -> Vec<String> {
    let parts = split(&event.changes, EVENT_BYTES_MAX);
    let texts = parts
        .into_iter()
        .map(|part| json(&Changes(&event.changes[part])));
    texts.collect()
}

/// Returns JSON objects like [`event_texts`], but puts the changes into the field `changes`. Other fields describe the commit, and contain
/// the number of the part, counted from 1, and the number of parts.
pub fn wrapped_event_texts(event: &Event, branch: &BranchName) -> Vec<String> {
    let empty = json(&WrappedEvent::new(
        event,
        branch,
        0..0,
        usize::MAX,
        usize::MAX,
    ));
    let parts = split(&event.changes, EVENT_BYTES_MAX.saturating_sub(empty.len()));
    let count = parts.len();
    let texts = parts.into_iter().zip(1..);
    let texts =
        texts.map(|(range, part)| json(&WrappedEvent::new(event, branch, range, part, count)));
    texts.collect()
}

#[derive(Serialize)]
struct WrappedEvent<'e> {
    commit: AsString<CommitId>,
    branch: AsString<&'e BranchName>,
    parents: Vec<AsString<CommitId>>,
    author: &'e str,
    date: i64,
    message: &'e str,
    /// Whether the branch was reset: the previous event's commit is not in the first-parent history of the new tip, and `changes` is the
    /// difference between the trees of the two commits.
    reset: bool,
    changes: Changes<'e>,
    part: usize,
    parts: usize,
}

impl<'e> WrappedEvent<'e> {
    fn new(
        event: &'e Event,
        branch: &'e BranchName,
        range: Range<usize>,
        part: usize,
        parts: usize,
    ) -> Self {
        let commit = &event.commit;
        Self {
            commit: AsString(commit.id),
            branch: AsString(branch),
            parents: commit.parents.iter().copied().map(AsString).collect(),
            author: truncate(&commit.author),
            date: commit.date_s,
            message: truncate(&commit.message),
            reset: event.reset,
            changes: Changes(&event.changes[range]),
            part,
            parts,
        }
    }
}

/// Splits changes into at least one range, each with at most `bytes_max` bytes of JSON. A single change is never split.
fn split(changes: &[PathChange], bytes_max: usize) -> Vec<Range<usize>> {
    let (mut parts, mut start, mut bytes) = (Vec::new(), 0, "{}".len());
    for (index, change) in changes.iter().enumerate() {
        let own = json(&Changes(std::slice::from_ref(change))).len() - "{}".len() + ",".len();
        if index > start && bytes + own > bytes_max {
            parts.push(start..index);
            (start, bytes) = (index, "{}".len());
        }
        bytes += own;
    }
    parts.push(start..changes.len());
    parts
}

/// Returns a prefix of `text` whose JSON has at most [`FIELD_BYTES_MAX`] bytes.
fn truncate(text: &str) -> &str {
    if json(text).len() <= FIELD_BYTES_MAX {
        return text;
    }
    // JSON takes at most six bytes for one byte of text: `\u0001` for a control character.
    let length_max = text.len().min(FIELD_BYTES_MAX / 6);
    let end = (0..=length_max)
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.expect("BUG: 0 is a boundary")]
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("BUG: plain data is JSON")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    fn change(path: &str) -> PathChange {
        PathChange {
            path: path.parse().unwrap(),
            old: None,
            new: Some("1".repeat(40).parse().unwrap()),
        }
    }

    #[test]
    fn each_change_is_in_one_part_and_no_part_exceeds_the_limit() {
        let changes: Vec<_> = (0..100).map(|n| change(&format!("\"{n}\"/ä"))).collect();
        for bytes_max in [0, 1, 80, 100, 300, 1000, 1 << 20] {
            let parts = split(&changes, bytes_max);
            let mut seen = BTreeMap::new();
            for part in &parts {
                let text = json(&Changes(&changes[part.clone()]));
                assert!(text.len() <= bytes_max || part.len() == 1);
                seen.extend(serde_json::from_str::<BTreeMap<String, Value>>(&text).unwrap());
            }
            assert_eq!(seen.len(), 100);
            assert_eq!(parts.iter().map(ExactSizeIterator::len).sum::<usize>(), 100);
        }
        assert_eq!(split(&[], 100), vec![0..0; 1]);
    }

    #[test]
    fn long_messages_are_truncated_at_a_character_boundary() {
        assert_eq!(truncate("ä"), "ä");
        let long = "\u{1}ä".repeat(FIELD_BYTES_MAX);
        let short = truncate(&long);
        assert!(long.starts_with(short) && short.len() > 10_000);
        assert!(json(short).len() <= FIELD_BYTES_MAX);
    }
}
