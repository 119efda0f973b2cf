//! What a `gc` did.

use serde::{Deserialize, Serialize};

use super::schema::CommitHash;
use crate::store;

/// What a `gc` did.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Collected {
    /// How many objects were removed.
    pub removed: usize,
    /// By how many bytes the store shrank.
    pub freed_bytes: u64,
    /// The branch's tip; none if it has no commit.
    #[schema(value_type = Option<CommitHash>)]
    pub commit: Option<String>,
}

impl From<&store::Collected> for Collected {
    fn from(collected: &store::Collected) -> Self {
        Self {
            removed: collected.removed,
            freed_bytes: collected.freed_bytes,
            commit: collected.commit.map(|commit| commit.to_string()),
        }
    }
}
