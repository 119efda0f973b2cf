//! The URLs of the screens.
//!
//! A path is the end of a URL, percent-encoded segment by segment: `/ui/tree/math`, `/ui/module/math/add.wasm`. The revision is in the query:
//! `?branch=a/b/c` or `?commit=ID`, and both together are a commit that was reached from a branch. So a form with a field can select a
//! revision, and a proxy that decodes `%2F` in paths breaks no branch.

use std::fmt::Display;

use crate::names::{BranchName, CommitId, ModulePath, TreePath};
use crate::wire::{encode_path, encode_query_value};

/// What all pages need to know about the server and the client.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The path below which the server answers; empty for the root.
    pub base: String,
    /// The URL of the server, with the base path and without a slash at its end, as the client knows it.
    pub url: String,
    /// The name of the default branch.
    pub default_branch: String,
    /// The changes that the pages offer: what the key of the client allows, and nothing on a replica.
    pub rights: Rights,
    /// Whether the client may see the status of the server: whether its key allows POST, also on a replica.
    pub shows_status: bool,
}

/// What the key of a client allows. Without keys, everything is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights {
    /// Changes that add or restore something.
    pub post: bool,
    /// Changes of the default branch.
    pub put: bool,
    /// Changes that remove something.
    pub delete: bool,
    /// Whether the client has signed in.
    pub is_signed_in: bool,
}

/// The branch or commit that a page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The branch. With a commit, it is the branch that the user came from.
    pub branch: Option<BranchName>,
    /// The commit, if it is not the tip of the branch.
    pub commit: Option<CommitId>,
}

impl Place {
    /// Returns the tip of a branch.
    pub fn branch(name: BranchName) -> Self {
        Self {
            branch: Some(name),
            commit: None,
        }
    }

    /// Returns the same branch at a commit.
    pub fn at(&self, commit: CommitId) -> Self {
        Self {
            branch: self.branch.clone(),
            commit: Some(commit),
        }
    }

    /// Returns the tip of the same branch.
    pub fn tip(&self) -> Self {
        Self {
            branch: self.branch.clone(),
            commit: None,
        }
    }

    /// Returns the name of the revision for a sentence.
    pub fn name(&self) -> String {
        match (&self.commit, &self.branch) {
            (Some(commit), _) => short(commit),
            (None, Some(branch)) => branch.to_string(),
            (None, None) => "the default branch".to_owned(),
        }
    }

    /// Returns the revision for the fields `from` and `to` of a comparison.
    pub fn revision(&self) -> String {
        match (&self.commit, &self.branch) {
            (Some(commit), _) => commit.to_string(),
            (None, Some(branch)) => branch.to_string(),
            (None, None) => String::new(),
        }
    }

    fn query(&self) -> String {
        let mut query = Query::default();
        if let Some(branch) = &self.branch {
            query.push("branch", branch);
        }
        if let Some(commit) = &self.commit {
            query.push("commit", commit);
        }
        query.0
    }
}

/// The query of a URL.
#[derive(Default)]
pub(super) struct Query(String);

impl Query {
    /// Returns the query, with its question mark; empty if there is no parameter.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds a parameter.
    pub(super) fn push(&mut self, name: &str, value: impl Display) {
        let mark = if self.0.is_empty() { '?' } else { '&' };
        let value = value.to_string();
        let value = encode_query_value(&value);
        self.0.push_str(&format!("{mark}{name}={value}"));
    }
}

/// Returns the first digits of an id, which are enough to recognize it.
pub(super) fn short(id: &impl Display) -> String {
    id.to_string().chars().take(10).collect()
}

impl Site {
    /// Returns the URL of the first page.
    pub fn home(&self) -> String {
        format!("{}/", self.base)
    }

    /// Returns the URL of a directory.
    pub fn tree(&self, place: &Place, path: &TreePath) -> String {
        self.with_path("/ui/tree", path.as_str(), &place.query())
    }

    /// Returns the URL of a module.
    pub fn module(&self, place: &Place, path: &ModulePath) -> String {
        self.with_path("/ui/module", path.as_str(), &place.query())
    }

    /// Returns the URL of the bytes of a module, for a download.
    pub fn raw(&self, place: &Place, path: &ModulePath) -> String {
        self.with_path("/ui/raw", path.as_str(), &place.query())
    }

    /// Returns the URL of the history of everything, or of a module or directory.
    pub fn history(&self, place: &Place, path: &TreePath) -> String {
        self.with_path("/ui/history", path.as_str(), &place.query())
    }

    /// Returns the URL of a commit.
    pub fn commit(&self, place: &Place, commit: &CommitId) -> String {
        format!("{}/ui/commit{}", self.base, place.at(*commit).query())
    }

    /// Returns the URL of a comparison of two branches or commits, of the module or directory at a path.
    pub fn compare(&self, from: &str, to: &str, path: &TreePath) -> String {
        let mut query = Query::default();
        query.push("from", from);
        query.push("to", to);
        if !path.is_root() {
            query.push("path", path.as_str());
        }
        format!("{}/ui/compare{}", self.base, query.0)
    }

    /// Returns the URL of the comparison without its parameters, which a form adds.
    pub fn compare_form(&self) -> String {
        format!("{}/ui/compare", self.base)
    }

    /// Returns the URL of the WIT of a module as text.
    pub fn wit(&self, place: &Place, path: &ModulePath) -> String {
        self.with_path("/ui/wit", path.as_str(), &place.query())
    }

    /// Returns the URL of the list of branches.
    pub fn branches(&self) -> String {
        format!("{}/ui/branches", self.base)
    }

    /// Returns the URL of what a merge of `theirs` into `ours` would change.
    pub fn merge_preview(&self, theirs: &str, ours: &str) -> String {
        let mut query = Query::default();
        query.push("from", theirs);
        query.push("into", ours);
        format!("{}/ui/merge{}", self.base, query.0)
    }

    /// Returns the URL of the search without a query.
    pub fn search(&self) -> String {
        format!("{}/ui/search", self.base)
    }

    /// Returns the URL of a search on a branch or commit.
    pub fn search_for(&self, place: &Place, query: &str) -> String {
        let mut text = Query(place.query());
        text.push("q", query);
        format!("{}/ui/search{}", self.base, text.0)
    }

    /// Returns the URL of the status.
    pub fn status(&self) -> String {
        format!("{}/ui/status", self.base)
    }

    /// Returns the URL of the WebSocket with the changes of a branch after a commit.
    pub fn watch(&self, branch: &BranchName, since: &CommitId) -> String {
        let mut query = Query::default();
        query.push("branch", branch);
        query.push("since", since);
        query.push("commits", true);
        format!("{}/api/v1/watch{}", self.base, query.0)
    }

    /// Returns the URL with another parameter.
    pub fn and(url: &str, name: &str, value: impl Display) -> String {
        let value = value.to_string();
        let mark = if url.contains('?') { '&' } else { '?' };
        format!("{url}{mark}{name}={}", encode_query_value(&value))
    }

    fn with_path(&self, screen: &str, path: &str, query: &str) -> String {
        let slash = if path.is_empty() { "" } else { "/" };
        format!("{}{screen}{slash}{}{query}", self.base, encode_path(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_means_something_in_a_url_is_encoded() {
        let site = Site {
            base: "/ws".to_owned(),
            ..Site::default()
        };
        let place = Place::branch("a/b%".parse().unwrap());
        let path = "d e/?#%&+'\"<ä".parse().unwrap();
        assert_eq!(
            site.module(&place, &path),
            "/ws/ui/module/d%20e/%3F%23%25%26%2B%27%22%3C%C3%A4?branch=a%2Fb%25"
        );
        assert_eq!(
            site.tree(&place, &TreePath::root()),
            "/ws/ui/tree?branch=a%2Fb%25"
        );
        let commit: CommitId = "0123456789012345678901234567890123456789".parse().unwrap();
        assert!(site.commit(&place, &commit).ends_with(
            "/ui/commit?branch=a%2Fb%25&commit=0123456789012345678901234567890123456789"
        ));
    }
}
