//! The URLs of the screens, and their parts: the base path of the server, and the branch or commit.
//!
//! The path of a module or directory is the end of the URL path, percent-encoded segment by segment: `/ui/tree/math`,
//! `/ui/module/math/add.wasm`. The branch or commit is in the query: `?branch=a/b/c` or `?commit=ID`; a user may also write another name of
//! a commit. If there are both, the page shows the commit, and the branch is the branch on whose page the user followed a link to the
//! commit. Because the branch is in the query, a form field can select it, and a proxy that decodes `%2F` in paths does not break branch
//! names with a slash.

use std::fmt::Display;

use crate::names::{BranchName, CommitId, ModulePath, TreePath};
use crate::wire::{encode_path, encode_query_value};

/// The properties of the server, and the rights of the client, that all pages need.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The base path: the path below which the server answers; empty if it is the root.
    pub base: String,
    /// The URL of the server as the client knows it, with the base path and without a slash at its end.
    pub url: String,
    /// The name of the default branch.
    pub default_branch: String,
    /// The changes that the pages offer: the changes that the client's API key allows; on a replica, none.
    pub rights: Rights,
    /// Whether the client may see the status of the server: whether its API key allows POST. True also on a replica.
    pub shows_status: bool,
}

/// The changes that a client may make, according to its API key. If the server has no API keys, all changes are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights {
    /// Whether the client may add or restore something.
    pub post: bool,
    /// Whether the client may change the default branch.
    pub put: bool,
    /// Whether the client may remove something.
    pub delete: bool,
    /// Whether the client has sent an API key or a session.
    pub is_signed_in: bool,
}

/// The branch or commit that a page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The branch. If there is a commit too, it is the branch on whose page the user followed a link to the commit.
    pub branch: Option<BranchName>,
    /// The commit that the page shows; `None` for the tip of the branch.
    pub commit: Option<CommitId>,
}

impl Place {
    /// Creates a place for the tip of a branch.
    pub fn branch(name: BranchName) -> Self {
        Self {
            branch: Some(name),
            commit: None,
        }
    }

    /// Returns a place with the same branch and the commit `commit`.
    pub fn at(&self, commit: CommitId) -> Self {
        Self {
            branch: self.branch.clone(),
            commit: Some(commit),
        }
    }

    /// Returns the tip of the same branch as a place, without the commit.
    pub fn tip(&self) -> Self {
        Self {
            branch: self.branch.clone(),
            commit: None,
        }
    }

    /// Returns the name of the branch or commit, for use in a sentence.
    pub fn name(&self) -> String {
        match (&self.commit, &self.branch) {
            (Some(commit), _) => short(commit),
            (None, Some(branch)) => branch.to_string(),
            (None, None) => "the default branch".to_owned(),
        }
    }

    /// Returns the branch or commit as a value for the query parameters `from` and `to` of a comparison.
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

/// The query of a URL, with its question mark; empty if there are no parameters.
#[derive(Default)]
pub(super) struct Query(String);

impl Query {
    /// Returns the query, with its question mark; empty if there are no parameters.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds a query parameter.
    pub(super) fn push(&mut self, name: &str, value: impl Display) {
        let mark = if self.0.is_empty() { '?' } else { '&' };
        let value = value.to_string();
        let value = encode_query_value(&value);
        self.0.push_str(&format!("{mark}{name}={value}"));
    }
}

/// Returns the first digits of a commit id, enough to recognize the commit.
pub(super) fn short(id: &impl Display) -> String {
    id.to_string().chars().take(10).collect()
}

impl Site {
    /// Returns the URL of the first page.
    pub fn home(&self) -> String {
        format!("{}/", self.base)
    }

    /// Returns the URL of the screen of a directory.
    pub fn tree(&self, place: &Place, path: &TreePath) -> String {
        self.with_path("/ui/tree", path.as_str(), &place.query())
    }

    /// Returns the URL of the screen of a module.
    pub fn module(&self, place: &Place, path: &ModulePath) -> String {
        self.with_path("/ui/module", path.as_str(), &place.query())
    }

    /// Returns the URL from which the browser downloads the bytes of a module.
    pub fn raw(&self, place: &Place, path: &ModulePath) -> String {
        self.with_path("/ui/raw", path.as_str(), &place.query())
    }

    /// Returns the URL of the history of a module or directory. The root is the whole history.
    pub fn history(&self, place: &Place, path: &TreePath) -> String {
        self.with_path("/ui/history", path.as_str(), &place.query())
    }

    /// Returns the URL of the screen of a commit.
    pub fn commit(&self, place: &Place, commit: &CommitId) -> String {
        format!("{}/ui/commit{}", self.base, place.at(*commit).query())
    }

    /// Returns the URL of the comparison of two branches or commits, restricted to the module or directory at `path`.
    pub fn compare(&self, from: &str, to: &str, path: &TreePath) -> String {
        let mut query = Query::default();
        query.push("from", from);
        query.push("to", to);
        if !path.is_root() {
            query.push("path", path.as_str());
        }
        format!("{}/ui/compare{}", self.base, query.0)
    }

    /// Returns the URL of the comparison without query parameters. A form adds them.
    pub fn compare_form(&self) -> String {
        format!("{}/ui/compare", self.base)
    }

    /// Returns the URL of the WIT of a module as plain text.
    pub fn wit(&self, place: &Place, path: &ModulePath) -> String {
        self.with_path("/ui/wit", path.as_str(), &place.query())
    }

    /// Returns the URL of the list of branches.
    pub fn branches(&self) -> String {
        format!("{}/ui/branches", self.base)
    }

    /// Returns the URL of the list of tags.
    pub fn tags(&self) -> String {
        format!("{}/ui/tags", self.base)
    }

    /// Returns the URL of the page of `commit` after a fast-forward of a branch from the commit `from` to `commit`. The page then says how
    /// to undo the fast-forward.
    pub fn forwarded(&self, place: &Place, commit: &CommitId, from: &CommitId) -> String {
        Self::and(&self.commit(place, commit), "forwarded_from", from)
    }

    /// Returns the URL of the preview of a merge of `theirs` into `ours`.
    pub fn merge_preview(&self, theirs: &str, ours: &str) -> String {
        let mut query = Query::default();
        query.push("from", theirs);
        query.push("into", ours);
        format!("{}/ui/merge{}", self.base, query.0)
    }

    /// Returns the URL of the search without query parameters. A form adds them.
    pub fn search(&self) -> String {
        format!("{}/ui/search", self.base)
    }

    /// Returns the URL of the results of a search on a branch or commit.
    pub fn search_for(&self, place: &Place, query: &str) -> String {
        let mut text = Query(place.query());
        text.push("q", query);
        format!("{}/ui/search{}", self.base, text.0)
    }

    /// Returns the URL of the status screen.
    pub fn status(&self) -> String {
        format!("{}/ui/status", self.base)
    }

    /// Returns the URL of the WebSocket that sends the changes of a branch after the commit `since`.
    pub fn watch(&self, branch: &BranchName, since: &CommitId) -> String {
        let mut query = Query::default();
        query.push("branch", branch);
        query.push("since", since);
        query.push("commits", true);
        format!("{}/api/v1/watch{}", self.base, query.0)
    }

    /// Returns `url` with another query parameter.
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
