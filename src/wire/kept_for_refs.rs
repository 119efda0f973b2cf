//! The versions that a garbage collection keeps only because other branches and tags reach them, as JSON.

use serde::{Deserialize, Serialize};

use crate::names::{BranchName, Error, TagName};
use crate::store::KeptForRefs;

/// Old versions that stay only because other branches or tags reach commits that made them.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = KeptForRefs)]
pub struct KeptForRefsJson {
    /// The number of versions that stay. They would be dropped if none of the other branches and tags existed.
    pub versions: usize,
    /// The branches that reach a commit that made one of the versions. At most 10 refs are listed in all, branches first.
    pub branches: Vec<String>,
    /// The tags that reach a commit that made one of the versions.
    pub tags: Vec<String>,
    /// The full names of other refs that reach such commits, such as `refs/notes/commits`, and `HEAD` if it is detached.
    pub others: Vec<String>,
    /// The number of refs that are not listed.
    pub left_out: usize,
}

impl From<&KeptForRefs> for KeptForRefsJson {
    fn from(kept: &KeptForRefs) -> Self {
        Self {
            versions: kept.versions,
            branches: kept.branches.iter().map(ToString::to_string).collect(),
            tags: kept.tags.iter().map(ToString::to_string).collect(),
            others: kept.other_refs.clone(),
            left_out: kept.left_out,
        }
    }
}

impl TryFrom<KeptForRefsJson> for KeptForRefs {
    type Error = Error;

    fn try_from(kept: KeptForRefsJson) -> Result<Self, Error> {
        let branches = kept.branches.iter();
        let branches = branches.map(|name| BranchName::parse(name));
        let tags = kept.tags.iter().map(|name| TagName::parse(name));
        Ok(Self {
            versions: kept.versions,
            branches: branches.collect::<Result<_, _>>()?,
            tags: tags.collect::<Result<_, _>>()?,
            other_refs: kept.others,
            left_out: kept.left_out,
        })
    }
}
