//! The result of a garbage collection, as JSON.

use serde::{Deserialize, Serialize};

use super::schema::CommitHashSchema;
use crate::store::GcSummary;

/// The result of a garbage collection.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Collected)]
pub struct GcJson {
    /// The number of objects that were removed.
    pub removed: usize,
    /// The number of bytes that were freed on disk.
    pub freed_bytes: u64,
    /// The branch's tip; null if the branch has no commit.
    #[schema(value_type = Option<CommitHashSchema>)]
    pub commit: Option<String>,
}

impl From<&GcSummary> for GcJson {
    fn from(summary: &GcSummary) -> Self {
        Self {
            removed: summary.removed,
            freed_bytes: summary.freed_bytes,
            commit: summary.commit.map(|commit| commit.to_string()),
        }
    }
}
