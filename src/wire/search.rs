//! The results of a search, as JSON.

use serde::{Deserialize, Serialize};

use super::as_string::AsString;
use super::schema::{CommitHashSchema, HashSchema};
use crate::names::{CommitId, ModuleHash, ModulePath};
use crate::store::{MatchedTerms, SearchMatch, SearchPage};

/// A page of the results of a search.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = SearchResults)]
pub struct SearchJson {
    /// The modules that were found, sorted by path; in a search of the history, the versions of each path are sorted oldest first.
    pub matches: Vec<SearchMatchJson>,
    /// The number of modules that the server has not analysed yet. A search does not find them.
    pub pending: u64,
}

/// A module that a search found.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = SearchMatch)]
pub struct SearchMatchJson {
    /// The path of the module.
    #[schema(value_type = String)]
    pub path: AsString<ModulePath>,
    /// The module's hash.
    #[schema(value_type = HashSchema)]
    pub hash: AsString<ModuleHash>,
    /// The oldest commit that put the module at the path. Present only in a search of the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CommitHashSchema>, required = false)]
    pub commit: Option<AsString<CommitId>>,
    /// What matched the terms of the query, in their order: `export run`, `import wasi:http/types@0.2.3`, `crate tokio 1.38.0`, `needs
    /// threads`, `size 1200 bytes`. At most 4 texts for each term, 16 in all. Negated terms and `path:` have none. Absent if the request
    /// has `matched=false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false, max_items = 16)]
    pub matched: Option<Vec<String>>,
    /// The number of items that also match and are not listed. Absent if there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    pub matched_left_out: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl From<SearchPage> for SearchJson {
    fn from(page: SearchPage) -> Self {
        Self {
            matches: page.matches.into_iter().map(Into::into).collect(),
            pending: page.pending,
        }
    }
}

impl From<SearchMatch> for SearchMatchJson {
    fn from(found: SearchMatch) -> Self {
        let left_out = found.matched.as_ref().map(|matched| matched.left_out);
        Self {
            path: AsString(found.path),
            hash: AsString(found.hash),
            commit: found.commit.map(AsString),
            matched: found.matched.map(|matched| matched.texts),
            matched_left_out: left_out.unwrap_or_default(),
        }
    }
}

impl From<SearchMatchJson> for SearchMatch {
    fn from(found: SearchMatchJson) -> Self {
        Self {
            path: found.path.0,
            hash: found.hash.0,
            commit: found.commit.map(|commit| commit.0),
            matched: found.matched.map(|texts| MatchedTerms {
                texts,
                left_out: found.matched_left_out,
            }),
        }
    }
}
