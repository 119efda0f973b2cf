//! What happened to a branch, as texts of a limited size.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::changes::{Changes, ReceivedChanges};
use super::text::Text;
use crate::names::{BranchName, CommitId};
use crate::store::{Event, PathChange};

/// The largest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 512 << 10;
/// The most that a message takes in a text, in bytes of JSON: what is longer is cut, `GET /commit` has it whole.
const MESSAGE_BYTES_MAX: usize = 128 << 10;

/// What one commit changed, in as many objects as it takes; one `{}` if that is nothing. Each object is valid by itself, and no
/// path is in two of them.
pub fn event_texts(event: &Event) -> Vec<String> {
    let parts = parts(&event.changes, TEXT_BYTES_MAX);
    let texts = parts
        .into_iter()
        .map(|part| json(&Changes(&event.changes[part])));
    texts.collect()
}

/// The same, each object as the `changes` of one that tells the commit, too, and which part of how many it is, counted from 1.
pub fn wrapped_event_texts(event: &Event, branch: &BranchName) -> Vec<String> {
    let empty = json(&Wrapped::new(event, branch, 0..0, usize::MAX, usize::MAX));
    let parts = parts(&event.changes, TEXT_BYTES_MAX.saturating_sub(empty.len()));
    let count = parts.len();
    let texts = parts.into_iter().zip(1..);
    let texts = texts.map(|(range, part)| json(&Wrapped::new(event, branch, range, part, count)));
    texts.collect()
}

#[derive(Serialize)]
struct Wrapped<'e> {
    commit: Text<CommitId>,
    branch: Text<&'e BranchName>,
    parents: Vec<Text<CommitId>>,
    author: &'e str,
    date: i64,
    message: &'e str,
    /// Whether the branch did not just go on from what was told before: `changes` then is the difference to that.
    reset: bool,
    changes: Changes<'e>,
    part: usize,
    parts: usize,
}

impl<'e> Wrapped<'e> {
    fn new(
        event: &'e Event,
        branch: &'e BranchName,
        range: Range<usize>,
        part: usize,
        parts: usize,
    ) -> Self {
        let commit = &event.commit;
        Self {
            commit: Text(commit.id),
            branch: Text(branch),
            parents: commit.parents.iter().copied().map(Text).collect(),
            author: cut(&commit.author),
            date: commit.date_s,
            message: cut(&commit.message),
            reset: event.reset,
            changes: Changes(&event.changes[range]),
            part,
            parts,
        }
    }
}

/// A part of what was told with its commit, as it was received.
#[derive(Deserialize)]
pub struct ReceivedEvent {
    /// The commit that the branch is at after it.
    pub commit: Text<CommitId>,
    /// What changed, as far as it is in this part.
    pub changes: ReceivedChanges,
    /// Which part it is, counted from 1.
    pub part: usize,
    /// How many there are.
    pub parts: usize,
}

/// Cuts changes into ranges, one at least, whose JSON takes at most `bytes_max` each; a change is never cut.
fn parts(changes: &[PathChange], bytes_max: usize) -> Vec<Range<usize>> {
    let (mut parts, mut start, mut bytes) = (Vec::new(), 0, "{}".len());
    for (at, change) in changes.iter().enumerate() {
        let own = json(&Changes(std::slice::from_ref(change))).len() - "{}".len() + ",".len();
        if at > start && bytes + own > bytes_max {
            parts.push(start..at);
            (start, bytes) = (at, "{}".len());
        }
        bytes += own;
    }
    parts.push(start..changes.len());
    parts
}

/// The beginning of a text, as much as may be in a message.
fn cut(text: &str) -> &str {
    if json(text).len() <= MESSAGE_BYTES_MAX {
        return text;
    }
    // A character takes at most six times as much in JSON.
    let most = text.len().min(MESSAGE_BYTES_MAX / 6);
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at));
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
    fn every_change_is_in_one_part_and_no_part_is_too_large() {
        let changes: Vec<_> = (0..100).map(|n| change(&format!("\"{n}\"/ä"))).collect();
        for bytes_max in [0, 1, 80, 100, 300, 1000, 1 << 20] {
            let parts = parts(&changes, bytes_max);
            let mut seen = BTreeMap::new();
            for part in &parts {
                let text = json(&Changes(&changes[part.clone()]));
                assert!(text.len() <= bytes_max || part.len() == 1);
                seen.extend(serde_json::from_str::<BTreeMap<String, Value>>(&text).unwrap());
            }
            assert_eq!(seen.len(), 100);
            assert_eq!(parts.iter().map(ExactSizeIterator::len).sum::<usize>(), 100);
        }
        assert_eq!(parts(&[], 100), vec![0..0; 1]);
    }

    #[test]
    fn a_message_that_is_too_long_is_cut_between_characters() {
        assert_eq!(cut("ä"), "ä");
        let long = "\u{1}ä".repeat(MESSAGE_BYTES_MAX);
        let short = cut(&long);
        assert!(long.starts_with(short) && short.len() > 10_000);
        assert!(json(short).len() <= MESSAGE_BYTES_MAX);
    }
}
