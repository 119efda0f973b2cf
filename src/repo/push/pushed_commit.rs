//! The parts of a commit that are needed to check a pushed history.
//!
//! A push can contain millions of commits, so this leaves out authors and messages.

use crate::names::{CommitId, Message};
use crate::repo::error::{Error, Result};
use crate::repo::ids::{TreeId, commit_id};
use crate::repo::objects::raw_commit::RawCommit;

/// The maximum number of parents of a pushed commit. git creates merges of at most 16 commits, or of some dozens with a custom merge
/// strategy.
const PARENTS_MAX: usize = 64;

/// A commit without its author and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedCommit {
    /// The commit's id.
    pub id: CommitId,
    /// The commit's tree.
    pub tree: TreeId,
    /// The commit's parents. Repetitions are removed, unless the commit has more than 64 different parents.
    pub parents: Vec<CommitId>,
}

impl PushedCommit {
    /// Decodes a commit.
    ///
    /// # Errors
    /// The commit does not begin with a tree, or a parent is not an object id.
    pub(crate) fn decode(id: CommitId, data: &[u8]) -> Result<Self> {
        let commit = RawCommit::parse(id, data)?;
        let mut parents = Vec::new();
        for parent in &commit.parents {
            let parent = commit_id(parent);
            // Beyond `PARENTS_MAX` different parents, repetitions are kept, because each search for one takes time proportional to the
            // number of parents.
            if parents.len() > PARENTS_MAX || !parents.contains(&parent) {
                parents.push(parent);
            }
        }
        Ok(Self {
            id,
            tree: TreeId(commit.tree),
            parents,
        })
    }
}

/// Checks the number of parents and the length of the message of a pushed commit.
///
/// # Errors
/// `LimitExceeded`; the commit cannot be decoded.
pub(crate) fn check_size(id: CommitId, data: &[u8]) -> Result<()> {
    let exceeded = |reason: String| Error::LimitExceeded {
        object: format!("commit {id}"),
        reason,
    };
    let commit = RawCommit::parse(id, data)?;
    let parent_count = commit.parents.len();
    if parent_count > PARENTS_MAX {
        let reason = format!("it has {parent_count} parents; the limit is {PARENTS_MAX}");
        return Err(exceeded(reason));
    }
    let message_bytes = commit.message.trim_ascii_end().len();
    let bytes_max = Message::BYTES_MAX;
    if message_bytes > bytes_max {
        let reason =
            format!("its message has {message_bytes} bytes; the limit is {bytes_max} bytes");
        return Err(exceeded(reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(parents: &[u8], message: &str) -> Vec<u8> {
        let parent = |digit: &u8| format!("parent {}\n", format!("{digit:02x}").repeat(20));
        let parents: String = parents.iter().map(parent).collect();
        let tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        let person = "A <a@example.org> 1 +0000";
        format!("tree {tree}\n{parents}author {person}\ncommitter {person}\n\n{message}")
            .into_bytes()
    }

    fn id() -> CommitId {
        CommitId::from_bytes(&[0x77; 20]).unwrap()
    }

    #[test]
    fn repeated_parents_are_dropped() {
        let data = commit(&[1, 2, 1, 3, 2], "m");
        let decoded = PushedCommit::decode(id(), &data).unwrap();
        let expected = [1, 2, 3].map(|digit| CommitId::from_bytes(&[digit; 20]).unwrap());
        assert_eq!(decoded.parents, expected);
        assert!(decoded.tree.is_empty());
    }

    #[test]
    fn parents_and_message_are_limited() {
        let parents: Vec<u8> = (0..65).collect();
        let message = |bytes: usize| "a".repeat(bytes) + "\n";
        let check = |data: Vec<u8>| check_size(id(), &data).map_err(|e| e.to_string());
        assert_eq!(check(commit(&parents[..64], &message(64 << 10))), Ok(()));
        let excess = check(commit(&parents, "m")).unwrap_err();
        assert!(
            excess.ends_with("it has 65 parents; the limit is 64"),
            "{excess}"
        );
        let excess = check(commit(&[1; 65], "m")).unwrap_err();
        assert!(
            excess.ends_with("it has 65 parents; the limit is 64"),
            "{excess}"
        );
        let excess = check(commit(&[], &message((64 << 10) + 1))).unwrap_err();
        assert!(
            excess.contains("has 65537 bytes; the limit is 65536"),
            "{excess}"
        );
    }
}
