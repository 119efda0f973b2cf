//! The state of the store from which one page is rendered.

use axum::http::StatusCode;

use crate::http::error::Failure;
use crate::names::CommitId;
use crate::store::{self, Commit, ErrorKind, Revision, Store};
use crate::web::picker::Branches;
use crate::web::{Place, Site};

/// The store, and the commit from which one page is rendered.
pub(super) struct PageSnapshot<'s> {
    pub store: &'s Store,
    pub site: &'s Site,
    pub place: &'s Place,
    /// The branch or commit of the request, resolved to a commit.
    pub revision: Revision,
    /// The commit that the page shows; `None` if the branch has no commit.
    pub commit: Option<Commit>,
    /// The tip of the branch; `None` if the branch has no commit.
    pub tip: Option<CommitId>,
    pub branches: Branches,
}

impl PageSnapshot<'_> {
    /// Returns `url`, the URL of the same page at the tip of the branch. Returns `None` if the request names no commit, so that the page
    /// shows the tip already, or if `has_page` returns false for the tip.
    pub fn newest(&self, url: String, has_page: impl Fn(&Revision) -> bool) -> Option<String> {
        let tip = Revision::Branch(self.place.branch.clone());
        (self.place.commit.is_some() && has_page(&tip)).then_some(url)
    }

    /// Returns the failure for a branch or commit that cannot be read: 410 for a commit that gc has deleted.
    pub fn missing(&self, revision: &Revision, error: store::Error) -> Failure {
        missing(self.store, revision, error)
    }
}

/// Returns the failure for a branch or commit that cannot be read: 410 for a commit that gc has deleted.
pub(super) fn missing(store: &Store, revision: &Revision, error: store::Error) -> Failure {
    if error.kind() == ErrorKind::NotFound
        && let Revision::Commit(commit) = revision
        && store.was_dropped(*commit).unwrap_or(false)
    {
        let detail = format!("commit {commit} was in this store, and gc has deleted it");
        return Failure::new(StatusCode::GONE, detail);
    }
    error.into()
}
