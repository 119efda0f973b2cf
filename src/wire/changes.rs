//! What a commit changed, as `watch` tells it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::Text;
use crate::names::{ModuleHash, ModulePath};
use crate::store::PathChange;

/// Changes as an object from path to what happened there.
pub struct Changes<'c>(pub &'c [PathChange]);

impl Serialize for Changes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let changes = self.0.iter();
        serializer
            .collect_map(changes.filter_map(|change| Some((Text(&change.path), action(change)?))))
    }
}

/// The same as it was received, sorted by path.
pub struct ReceivedChanges(pub Vec<PathChange>);

impl<'de> Deserialize<'de> for ReceivedChanges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let changes = BTreeMap::<Text<ModulePath>, Action>::deserialize(deserializer)?;
        let changes = changes.into_iter().map(|(Text(path), action)| {
            let (old, new) = match action {
                Action::Added { hash } => (None, Some(hash.0)),
                Action::Updated { hash } => (Some(hash.old.0), Some(hash.new.0)),
                Action::Removed { hash } => (Some(hash.0), None),
            };
            PathChange { path, old, new }
        });
        Ok(Self(changes.collect()))
    }
}

/// What happened at a path.
#[derive(Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub(super) enum Action {
    Added { hash: Text<ModuleHash> },
    Updated { hash: Update },
    Removed { hash: Text<ModuleHash> },
}

/// What a path had, and what it has.
#[derive(Serialize, Deserialize)]
pub(super) struct Update {
    old: Text<ModuleHash>,
    new: Text<ModuleHash>,
}

pub(super) fn action(change: &PathChange) -> Option<Action> {
    Some(match (change.old, change.new) {
        (None, Some(new)) => Action::Added { hash: Text(new) },
        (Some(old), Some(new)) => {
            let (old, new) = (Text(old), Text(new));
            let hash = Update { old, new };
            Action::Updated { hash }
        }
        (Some(old), None) => Action::Removed { hash: Text(old) },
        (None, None) => return None,
    })
}
