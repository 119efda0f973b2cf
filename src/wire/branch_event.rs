//! A change of a branch's tip, as the command line prints it and as a client receives it from a server.

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

use super::as_string::AsString;
use super::changes::{Changes, ReceivedChanges};
use crate::names::{BranchName, CommitId};
use crate::store::{Event, PathChange};

/// A change of a branch's tip, with the commit that is the new tip. As JSON, it has the same fields as an event that a server sends, except
/// `part` and `parts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchEvent {
    /// The tip of the branch after the event.
    pub commit: CommitId,
    /// The name of the branch.
    pub branch: BranchName,
    /// The commit's parents; the first parent comes first.
    pub parents: Vec<CommitId>,
    /// The name of the commit's author.
    pub author: String,
    /// The author time, in seconds since 1970-01-01 UTC.
    pub date_s: i64,
    /// The commit message.
    pub message: String,
    /// Whether the previous event's commit is not in the first-parent history of the tip, for example after a force-push. Then `changes` is
    /// the difference between the trees of the two commits.
    pub reset: bool,
    /// Every path that changed, sorted.
    pub changes: Vec<PathChange>,
}

impl BranchEvent {
    /// Combines an event of a store with the branch on which it occurred.
    pub fn new(event: Event, branch: BranchName) -> Self {
        let commit = event.commit;
        Self {
            commit: commit.id,
            branch,
            parents: commit.parents,
            author: commit.author,
            date_s: commit.date_s,
            message: commit.message,
            reset: event.reset,
            changes: event.changes,
        }
    }
}

impl Serialize for BranchEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_struct("BranchEvent", 8)?;
        let parents: Vec<_> = self.parents.iter().copied().map(AsString).collect();
        event.serialize_field("commit", &AsString(self.commit))?;
        event.serialize_field("branch", &AsString(&self.branch))?;
        event.serialize_field("parents", &parents)?;
        event.serialize_field("author", &self.author)?;
        event.serialize_field("date", &self.date_s)?;
        event.serialize_field("message", &self.message)?;
        event.serialize_field("reset", &self.reset)?;
        event.serialize_field("changes", &Changes(&self.changes))?;
        event.end()
    }
}

/// One part of an event, parsed from a server's JSON. A server splits a large event into parts.
#[derive(Deserialize)]
pub struct ReceivedEvent {
    commit: AsString<CommitId>,
    branch: AsString<BranchName>,
    parents: Vec<AsString<CommitId>>,
    author: String,
    date: i64,
    message: String,
    reset: bool,
    changes: ReceivedChanges,
    /// The number of this part of the event, counted from 1.
    pub part: usize,
    /// The number of parts into which the server split the event.
    pub parts: usize,
}

impl ReceivedEvent {
    /// Adds the changes of this part to `earlier`, the event of the earlier parts. For the first part, `earlier` is `None`, and the result
    /// is a new event.
    pub fn join(self, earlier: Option<BranchEvent>) -> BranchEvent {
        let changes = self.changes.0;
        if let Some(mut event) = earlier {
            event.changes.extend(changes);
            return event;
        }
        BranchEvent {
            commit: self.commit.0,
            branch: self.branch.0,
            parents: self.parents.into_iter().map(|parent| parent.0).collect(),
            author: self.author,
            date_s: self.date,
            message: self.message,
            reset: self.reset,
            changes,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn parts_are_joined_to_one_event_with_the_fields_of_the_first_part() {
        let (id, hash) = ("1".repeat(40), "2".repeat(40));
        let part = |number: usize, path: &str| {
            let changes = json!({path: {"action": "added", "hash": hash}});
            let text = json!({
                "commit": id, "branch": "main", "parents": [id], "author": "Ann", "date": 7, "message": "Add",
                "reset": false, "changes": changes, "part": number, "parts": 2,
            });
            serde_json::from_value::<ReceivedEvent>(text).unwrap()
        };
        let joined = part(2, "/b").join(Some(part(1, "/a").join(None)));
        let value: Value = serde_json::to_value(&joined).unwrap();
        let added = json!({"action": "added", "hash": hash});
        let expected = json!({
            "commit": id, "branch": "main", "parents": [id], "author": "Ann", "date": 7, "message": "Add",
            "reset": false, "changes": {"/a": added, "/b": added},
        });
        assert_eq!(value, expected);
    }
}
