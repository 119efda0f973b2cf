//! The result of a garbage collection, as JSON.

use serde::{Deserialize, Serialize};

use super::kept_for_refs::KeptForRefsJson;
use super::schema::CommitHashSchema;
use crate::store::{GcPreview, GcSummary, Published};

/// The result of a garbage collection.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Collected)]
pub struct GcJson {
    /// The number of objects that were removed.
    pub removed: usize,
    /// The number of bytes that the objects took on disk before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_bytes: Option<u64>,
    /// The number of bytes that the objects take on disk now, without those that others have stored since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_bytes: Option<u64>,
    /// The number of bytes that were freed on disk.
    pub freed_bytes: u64,
    /// The branch's tip; null if the branch has no commit.
    #[schema(value_type = Option<CommitHashSchema>)]
    pub commit: Option<String>,
    /// The old versions that stay only because other branches or tags reach them; absent if there are none, or if the request has none of
    /// `keep_last`, `keep_since` and `keep_tags`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_for_refs: Option<KeptForRefsJson>,
}

impl From<&Published<GcSummary>> for GcJson {
    fn from(collected: &Published<GcSummary>) -> Self {
        let (before_bytes, after_bytes) = collected.value.object_bytes().unzip();
        Self {
            removed: collected.value.removed,
            before_bytes,
            after_bytes,
            freed_bytes: collected.value.freed_bytes,
            commit: collected.commit.map(|commit| commit.to_string()),
            kept_for_refs: collected.value.kept_for_refs.as_ref().map(Into::into),
        }
    }
}

/// The commits and versions that a garbage collection would drop.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CollectionPreview)]
pub struct GcPreviewJson {
    /// The branch whose history would become shorter.
    pub branch: String,
    /// The number of commits by which the history would become shorter.
    pub commits: usize,
    /// The number of versions of modules that would be dropped.
    pub versions: usize,
    /// The total size of the dropped modules before compression, in bytes. They use at most as much on disk.
    pub module_bytes: u64,
    /// The old versions that stay only because other branches or tags reach them; absent if there are none, or if the request has none of
    /// `keep_last`, `keep_since` and `keep_tags`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_for_refs: Option<KeptForRefsJson>,
}

impl From<&GcPreview> for GcPreviewJson {
    fn from(preview: &GcPreview) -> Self {
        Self {
            branch: preview.branch.to_string(),
            commits: preview.commits,
            versions: preview.versions,
            module_bytes: preview.module_bytes,
            kept_for_refs: preview.kept_for_refs.as_ref().map(Into::into),
        }
    }
}

/// The response to a request for a garbage collection.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CollectedOrPreview)]
#[serde(untagged)]
pub enum GcResponseJson {
    /// The result of the collection.
    Collected(GcJson),
    /// The preview, with `dry_run=true`.
    Preview(GcPreviewJson),
}
