//! The change that a rollback would undo, as JSON.

use serde::{Deserialize, Serialize};

use super::schema::CommitHashSchema;
use crate::names::CommitId;
use crate::store::UndoneChange;

/// The change that a rollback would undo.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = UndoneChange)]
pub struct UndoneChangeJson {
    /// The branch's tip.
    #[schema(value_type = CommitHashSchema)]
    pub commit: String,
    /// The commit that made the change.
    #[schema(value_type = CommitHashSchema)]
    pub undoes: String,
    /// The commit whose content would be restored.
    #[schema(value_type = CommitHashSchema)]
    pub restores: String,
}

impl UndoneChangeJson {
    /// Combines the tip of a branch with the change that a rollback of the branch would undo.
    pub fn new(tip: CommitId, change: UndoneChange) -> Self {
        Self {
            commit: tip.to_string(),
            undoes: change.undone.to_string(),
            restores: change.restored.to_string(),
        }
    }
}
