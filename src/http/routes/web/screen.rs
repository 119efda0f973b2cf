//! A request for a screen: parses the parameters that all screens have, and responds with a page.

use std::hash::Hash;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde::Deserialize;

use super::page_response::not_modified;
pub(super) use super::page_response::redirect;
pub(super) use super::page_snapshot::{PageSnapshot, missing};
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, parse_typed_revision};
use crate::http::listener::Peer;
use crate::http::middleware::auth::Caller;
use crate::http::site::site_of;
use crate::http::state::App;
use crate::names::{BranchName, CommitId};
use crate::store::{self, Revision, Store};
use crate::web::picker::Branches;
use crate::web::{Markup, Place, Rights, Section, Site};

/// The memory that is charged while a page is rendered, in bytes. A page needs less, because its lists and texts are limited.
const PAGE_BYTES: u64 = 4 << 20;

/// The query parameters that select a branch or commit. A parameter is empty if the user left the form field empty.
#[derive(Deserialize)]
struct PlaceQuery {
    branch: Option<String>,
    /// The id or another name of a commit, such as `main~1` or a tag.
    commit: Option<String>,
}

/// A request for a page of the web UI.
pub(super) struct Screen {
    pub app: App,
    pub site: Site,
    pub place: Place,
    /// The path and query of the request. They are part of the entity tag.
    pub uri: String,
    /// The request headers, of which `If-None-Match` and the `Accept` headers are used.
    pub headers: HeaderMap,
}

/// The answer to a request for a screen.
pub(super) enum Answer {
    /// The content of the page.
    Page(Content),
    /// The URL to which the browser is redirected.
    Redirect(String),
}

/// The content of a page, without its frame.
pub(super) struct Content {
    pub title: String,
    pub section: Section,
    /// The text in the search field.
    pub query: String,
    pub markup: Markup,
    /// Whether a later request gets the same page, as long as the data in the entity tag are the same. If false, for example because a list
    /// is incomplete for lack of time, the page gets no entity tag.
    pub is_cacheable: bool,
}

impl FromRequestParts<App> for Screen {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let QueryParams(query) = QueryParams::<PlaceQuery>::of(&parts.uri)?;
        let default_branch = app.default_branch().await?;
        // Does not trim the branch, because a non-ASCII space may be part of its name.
        let branch = match query.branch.filter(|branch| !branch.is_empty()) {
            Some(branch) => BranchName::parse(&branch)?,
            None => default_branch.clone(),
        };
        let commit = query.commit.as_deref().map(str::trim_ascii);
        let commit = commit.filter(|commit| !commit.is_empty());
        // A client without an API key sees only pages that show nothing about the store. It must not learn which names exist, either.
        let commit = commit.filter(|_| parts.extensions.get::<Caller>().is_some());
        let commit = match commit {
            Some(name) => Some(named_commit(app, name, &branch).await?),
            None => None,
        };
        let peer = parts.extensions.get::<Peer>();
        let mut site = site_of(&app.base_path, &parts.headers, &parts.uri, peer);
        site.default_branch = default_branch.to_string();
        if let Some(caller) = parts.extensions.get::<Caller>() {
            site.rights = rights_of(caller, app.is_replica());
            site.shows_status = caller.allows(&Method::POST);
        }
        Ok(Self {
            app: app.clone(),
            site,
            place: Place {
                branch: Some(branch),
                commit,
            },
            uri: parts.uri.to_string(),
            headers: parts.headers.clone(),
        })
    }
}

/// Returns the id of the commit that `name` names. `name` may be an id or another name, such as a tag, and a user may have pasted it with
/// spaces. In another name, `HEAD` stands for `branch`. The page and its links contain the id, so that they show the same commit even if
/// the name moves. An id is returned even if there is no such commit, because `gc` may have deleted it; the page then says so.
async fn named_commit(app: &App, name: &str, branch: &BranchName) -> Result<CommitId> {
    match parse_typed_revision(name)?.on_branch(Some(branch.clone())) {
        Revision::Commit(commit) => Ok(commit),
        named => {
            let resolve = move |store: &Store| Ok(store.snapshot(&named)?);
            app.run_read(resolve).await
        }
    }
}

/// Returns the changes that the client may make. There are none on a replica, which accepts changes only from its primary.
fn rights_of(caller: &Caller, is_replica: bool) -> Rights {
    let allows = |method| !is_replica && caller.allows(&method);
    Rights {
        post: allows(Method::POST),
        put: allows(Method::PUT),
        delete: allows(Method::DELETE),
        is_signed_in: caller.key().is_some(),
    }
}

impl Screen {
    /// Returns the branch of the page.
    ///
    /// # Errors
    /// 400 if the request names no branch.
    pub fn branch(&self) -> Result<BranchName> {
        let missing = || Failure::malformed("the page needs a branch");
        self.place.branch.clone().ok_or_else(missing)
    }

    /// Responds with the page of a branch or commit, or with 304 if the client has the current page.
    pub async fn respond(
        self,
        render: impl Fn(&PageSnapshot<'_>) -> Result<Answer> + Send + 'static,
    ) -> Result<Response> {
        self.respond_with_memory(0, render).await
    }

    /// Responds like [`respond`](Self::respond). Charges `bytes` bytes of memory in addition to the memory for the page.
    pub async fn respond_with_memory(
        self,
        bytes: u64,
        render: impl Fn(&PageSnapshot<'_>) -> Result<Answer> + Send + 'static,
    ) -> Result<Response> {
        self.respond_depending_on(|_| Ok(()), bytes, move |snapshot, ()| render(snapshot))
            .await
    }

    /// Responds like [`respond_with_memory`](Self::respond_with_memory) with a page that depends on more than its commit and the tip of its
    /// branch. `dependencies` returns the other data on which the page depends. These data become part of the entity tag, and are passed to
    /// `render`.
    pub async fn respond_depending_on<D: Hash>(
        self,
        dependencies: impl Fn(&PageSnapshot<'_>) -> Result<D> + Send + 'static,
        bytes: u64,
        render: impl Fn(&PageSnapshot<'_>, &D) -> Result<Answer> + Send + 'static,
    ) -> Result<Response> {
        let charge = self.app.charge(PAGE_BYTES.saturating_add(bytes)).await?;
        let app = self.app.clone();
        app.run_long_read(move |store| {
            let tip = self.tip(store);
            let attempt = || self.attempt(store, &dependencies, &render);
            let attempted = match attempt() {
                // A gc has squashed the branch, or another user has committed, since the first attempt began.
                Err(_) if self.tip(store) != tip => attempt(),
                attempted => attempted,
            };
            match attempted? {
                (tag, Some(answer)) => self.send(answer, Some(tag), charge),
                (tag, None) => Ok(not_modified(&tag)),
            }
        })
        .await
    }

    /// Returns the entity tag of the page, and the page unless the client has it already.
    fn attempt<D: Hash>(
        &self,
        store: &Store,
        dependencies: impl Fn(&PageSnapshot<'_>) -> Result<D>,
        render: impl Fn(&PageSnapshot<'_>, &D) -> Result<Answer>,
    ) -> Result<(String, Option<Answer>)> {
        let snapshot = self.page_snapshot(store)?;
        let commit = snapshot.commit.as_ref().map(|commit| commit.id);
        let more = dependencies(&snapshot)?;
        let tag = self.tag((commit, snapshot.tip, &snapshot.branches.0, &more));
        let answer = match self.has(&tag)? {
            true => None,
            false => Some(render(&snapshot, &more)?),
        };
        Ok((tag, answer))
    }

    /// Returns the tip of the branch of the page; `None` if it has no commit or cannot be read.
    fn tip(&self, store: &Store) -> Option<CommitId> {
        self.tip_of_named(store).ok().flatten()
    }

    /// Responds with a page that does not depend on a commit. Charges `bytes` bytes of memory in addition to the memory for the page. If
    /// rendering fails, tries once more, because a gc may have squashed a branch in between.
    pub async fn respond_without_commit(
        self,
        bytes: u64,
        render: impl Fn(&Store, &Self) -> Result<Answer> + Send + 'static,
    ) -> Result<Response> {
        let charge = self.app.charge(PAGE_BYTES.saturating_add(bytes)).await?;
        let app = self.app.clone();
        app.run_long_read(move |store| {
            let answer = render(store, &self).or_else(|_| render(store, &self))?;
            self.send(answer, None, charge)
        })
        .await
    }

    /// Responds with a small page that needs nothing from the store. Waits for no permit and reserves no memory, because clients without an
    /// API key may request such a page.
    pub fn respond_at_once(&self, content: Content) -> Result<Response> {
        let charge = self.app.memory.empty_charge();
        self.send(Answer::Page(content), None, charge)
    }

    /// Returns the branch or commit that the page shows.
    pub fn revision(&self) -> Revision {
        match self.place.commit {
            Some(commit) => Revision::Commit(commit),
            None => Revision::Branch(self.place.branch.clone()),
        }
    }

    fn page_snapshot<'s>(&'s self, store: &'s Store) -> Result<PageSnapshot<'s>> {
        let revision = self.revision();
        let resolved = store.as_of(&revision, |resolved| Ok(resolved.clone()));
        let (commit, revision) = resolved.map_err(|error| missing(store, &revision, error))?;
        let tip = match self.place.commit {
            Some(_) => self.tip_of_named(store)?,
            None => commit,
        };
        Ok(PageSnapshot {
            store,
            site: &self.site,
            place: &self.place,
            revision,
            commit: commit.map(|commit| store.commit(commit)).transpose()?,
            tip,
            branches: Branches(store.branches()?),
        })
    }

    /// Returns the tip of the branch of the page, even if the page shows an older commit. Returns `None` if the branch has no commit.
    ///
    /// # Errors
    /// 404 if there is no such branch.
    pub fn tip_of_named(&self, store: &Store) -> Result<Option<CommitId>> {
        match store.snapshot(&Revision::Branch(self.place.branch.clone())) {
            Ok(tip) => Ok(Some(tip)),
            Err(store::Error::NoCommit(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
