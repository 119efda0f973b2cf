//! The module changes of a commit, as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::as_string::AsString;
use super::schema::HashSchema;
use crate::names::{ModuleHash, ModulePath};
use crate::store::PathChange;

/// Path changes, serialized as a JSON object that maps each path to its action.
pub struct Changes<'c>(pub &'c [PathChange]);

impl Serialize for Changes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let changes = self.0.iter();
        serializer.collect_map(
            changes.filter_map(|change| Some((AsString(&change.path), action(change)?))),
        )
    }
}

/// Path changes parsed from the JSON of a server's response, sorted by path.
pub struct ReceivedChanges(pub Vec<PathChange>);

impl<'de> Deserialize<'de> for ReceivedChanges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let changes = BTreeMap::<AsString<ModulePath>, Action>::deserialize(deserializer)?;
        let changes = changes.into_iter().map(|(AsString(path), action)| {
            let (old, new) = hashes(&action);
            PathChange { path, old, new }
        });
        Ok(Self(changes.collect()))
    }
}

/// The action of a commit on the module at a path.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "action", rename_all = "lowercase")]
pub(super) enum Action {
    Added {
        #[schema(value_type = HashSchema)]
        hash: AsString<ModuleHash>,
    },
    Updated {
        hash: HashUpdate,
    },
    Removed {
        #[schema(value_type = HashSchema)]
        hash: AsString<ModuleHash>,
    },
}

/// The hash of a module before and after an update.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub(super) struct HashUpdate {
    #[schema(value_type = HashSchema)]
    old: AsString<ModuleHash>,
    #[schema(value_type = HashSchema)]
    new: AsString<ModuleHash>,
}

impl HashUpdate {
    /// Returns an update that replaces the module with the hash `old` by the module with the hash `new`.
    pub fn new(old: ModuleHash, new: ModuleHash) -> Self {
        Self {
            old: AsString(old),
            new: AsString(new),
        }
    }

    /// Returns the hashes of the older and the newer module.
    pub fn into_hashes(self) -> (ModuleHash, ModuleHash) {
        (self.old.0, self.new.0)
    }
}

/// Returns the hash of the module before an action and the hash after it; each is `None` if the path had no module then.
pub(super) fn hashes(action: &Action) -> (Option<ModuleHash>, Option<ModuleHash>) {
    match action {
        Action::Added { hash } => (None, Some(hash.0)),
        Action::Updated { hash } => (Some(hash.old.0), Some(hash.new.0)),
        Action::Removed { hash } => (Some(hash.0), None),
    }
}

/// Returns the action of a change; `None` if the path has a module neither before nor after the change.
pub(super) fn action(change: &PathChange) -> Option<Action> {
    Some(match (change.old, change.new) {
        (None, Some(new)) => Action::Added {
            hash: AsString(new),
        },
        (Some(old), Some(new)) => Action::Updated {
            hash: HashUpdate {
                old: AsString(old),
                new: AsString(new),
            },
        },
        (Some(old), None) => Action::Removed {
            hash: AsString(old),
        },
        (None, None) => return None,
    })
}
