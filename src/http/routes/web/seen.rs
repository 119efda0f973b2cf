//! The store as one page sees it.

use axum::http::StatusCode;

use crate::http::error::Failure;
use crate::names::CommitId;
use crate::store::{self, Commit, ErrorKind, Revision, Store};
use crate::web::picker::Branches;
use crate::web::{Place, Site};

/// The store as one page sees it.
pub(super) struct Seen<'s> {
    pub store: &'s Store,
    pub site: &'s Site,
    pub place: &'s Place,
    /// The resolved branch or commit.
    pub revision: Revision,
    /// The commit; `None` on a branch without one.
    pub commit: Option<Commit>,
    /// The newest commit of the branch; `None` if it has none.
    pub tip: Option<CommitId>,
    pub branches: Branches,
}

impl Seen<'_> {
    /// Returns the URL of a page at the tip of the branch if the page is of a commit, and `has_page` is true for the tip.
    pub fn newest(&self, url: String, has_page: impl Fn(&Revision) -> bool) -> Option<String> {
        let tip = Revision::Branch(self.place.branch.clone());
        (self.place.commit.is_some() && has_page(&tip)).then_some(url)
    }

    /// Returns the failure for a branch or commit that cannot be read: 410 for a commit that was once there.
    pub fn missing(&self, revision: &Revision, error: store::Error) -> Failure {
        missing(self.store, revision, error)
    }
}

/// Returns the failure for a branch or commit that cannot be read: 410 for a commit that was once there.
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
