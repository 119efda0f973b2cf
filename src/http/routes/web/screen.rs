//! What all screens have in common: the branch or commit, and the rights of the client.

use std::hash::Hash;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde::Deserialize;

use super::page_response::not_modified;
pub(super) use super::page_response::redirect;
pub(super) use super::seen::{Seen, missing};
use crate::http::error::{Failure, Result};
use crate::http::extract::QueryParams;
use crate::http::listener::Peer;
use crate::http::middleware::auth::Caller;
use crate::http::site::site_of;
use crate::http::state::App;
use crate::names::{BranchName, CommitId};
use crate::store::{self, Revision, Store};
use crate::web::picker::Branches;
use crate::web::{Markup, Place, Rights, Section, Site};

/// The memory that is charged while a page is rendered, in bytes. A page has less: its lists and texts are bounded.
const PAGE_BYTES: u64 = 4 << 20;

/// The query parameters that select a branch or commit. An empty one is a field of a form that was left empty.
#[derive(Deserialize)]
struct PlaceQuery {
    branch: Option<String>,
    commit: Option<String>,
}

/// A request for a page.
pub(super) struct Screen {
    pub app: App,
    pub site: Site,
    pub place: Place,
    /// The path and query of the request, which the entity tag depends on.
    pub uri: String,
    /// `If-None-Match`, and what the client accepts.
    pub headers: HeaderMap,
}

/// What a handler returns for a page.
pub(super) enum Answer {
    /// A page.
    Page(Content),
    /// The page is at another URL.
    Redirect(String),
}

/// A page without its frame.
pub(super) struct Content {
    pub title: String,
    pub section: Section,
    /// What is in the field of the search.
    pub query: String,
    pub markup: Markup,
    /// Whether a later request for the same URL gets the same page, if everything that is part of the entity tag is as it is now.
    pub is_final: bool,
}

impl FromRequestParts<App> for Screen {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let QueryParams(query) = QueryParams::<PlaceQuery>::of(&parts.uri)?;
        let default_branch = app.default_branch().await?;
        // The name is taken as it is: a space that is not one of ASCII may be part of it. An id that is pasted may have spaces around it.
        let branch = match query.branch.filter(|branch| !branch.is_empty()) {
            Some(branch) => BranchName::parse(&branch)?,
            None => default_branch.clone(),
        };
        let commit = query.commit.as_deref().map(str::trim);
        let commit = { commit.filter(|commit| !commit.is_empty()) }.map(CommitId::parse);
        let peer = parts.extensions.get::<Peer>();
        let mut site = site_of(&app.base_path, &parts.headers, &parts.uri, peer);
        site.default_branch = default_branch.to_string();
        if let Some(caller) = parts.extensions.get::<Caller>() {
            site.rights = rights_of(caller, app.replica.is_some());
            site.shows_status = caller.allows(&Method::POST);
        }
        Ok(Self {
            app: app.clone(),
            site,
            place: Place {
                branch: Some(branch),
                commit: commit.transpose()?,
            },
            uri: parts.uri.to_string(),
            headers: parts.headers.clone(),
        })
    }
}

/// Returns what the client may do. A replica accepts changes from its primary only.
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
    /// 400 if the page is not of a branch.
    pub fn branch(&self) -> Result<BranchName> {
        let missing = || Failure::malformed("the page needs a branch");
        self.place.branch.clone().ok_or_else(missing)
    }

    /// Responds with the page of a branch or commit, or with 304 if the client has it.
    pub async fn respond(
        self,
        render: impl Fn(&Seen<'_>) -> Result<Answer> + Send + 'static,
    ) -> Result<Response> {
        self.respond_with_memory(0, render).await
    }

    /// Responds like [`respond`](Self::respond), with this number of bytes of memory in addition to those of the page.
    pub async fn respond_with_memory(
        self,
        bytes: u64,
        render: impl Fn(&Seen<'_>) -> Result<Answer> + Send + 'static,
    ) -> Result<Response> {
        self.respond_depending_on(|_| Ok(()), bytes, move |seen, ()| render(seen))
            .await
    }

    /// Responds like [`respond_with_memory`](Self::respond_with_memory) with a page that depends on more than its commit and the newest commit of
    /// its branch: on what `dependencies` returns. `render` gets it, too.
    pub async fn respond_depending_on<D: Hash>(
        self,
        dependencies: impl Fn(&Seen<'_>) -> Result<D> + Send + 'static,
        bytes: u64,
        render: impl Fn(&Seen<'_>, &D) -> Result<Answer> + Send + 'static,
    ) -> Result<Response> {
        let charge = self.app.charge(PAGE_BYTES.saturating_add(bytes)).await?;
        let app = self.app.clone();
        app.run_long_read(move |store| {
            let tip = self.tip(store);
            let attempt = || self.attempt(store, &dependencies, &render);
            let attempted = match attempt() {
                // A gc has squashed the branch meanwhile, or somebody has committed.
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

    /// Returns the entity tag of the page, and the page unless the client has it.
    fn attempt<D: Hash>(
        &self,
        store: &Store,
        dependencies: impl Fn(&Seen<'_>) -> Result<D>,
        render: impl Fn(&Seen<'_>, &D) -> Result<Answer>,
    ) -> Result<(String, Option<Answer>)> {
        let seen = self.see(store)?;
        let commit = seen.commit.as_ref().map(|commit| commit.id);
        let more = dependencies(&seen)?;
        let tag = self.tag((commit, seen.tip, &seen.branches.0, &more));
        let answer = match self.has(&tag)? {
            true => None,
            false => Some(render(&seen, &more)?),
        };
        Ok((tag, answer))
    }

    /// Returns the newest commit of the branch; `None` if it has none, or cannot be read.
    fn tip(&self, store: &Store) -> Option<CommitId> {
        self.tip_of_named(store).ok().flatten()
    }

    /// Responds with a page that does not depend on a commit, with this number of bytes of memory in addition to those of the page. If it fails, it
    /// is rendered once more: a gc may have squashed a branch meanwhile.
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

    /// Responds with a small page that nothing of the store is needed for. It takes no permit and no memory in advance, because clients without
    /// a key may ask for it.
    pub fn respond_at_once(&self, content: Content) -> Result<Response> {
        let charge = self.app.memory.empty_charge();
        self.send(Answer::Page(content), None, charge)
    }

    /// Returns the branch or commit of the page.
    pub fn revision(&self) -> Revision {
        match self.place.commit {
            Some(commit) => Revision::Commit(commit),
            None => Revision::Branch(self.place.branch.clone()),
        }
    }

    fn see<'s>(&'s self, store: &'s Store) -> Result<Seen<'s>> {
        let revision = self.revision();
        let resolved = store.as_of(&revision, |resolved| Ok(resolved.clone()));
        let (commit, revision) = resolved.map_err(|error| missing(store, &revision, error))?;
        let tip = match self.place.commit {
            Some(_) => self.tip_of_named(store)?,
            None => commit,
        };
        Ok(Seen {
            store,
            site: &self.site,
            place: &self.place,
            revision,
            commit: commit.map(|commit| store.commit(commit)).transpose()?,
            tip,
            branches: Branches(store.branches()?),
        })
    }

    /// Returns the newest commit of the branch of the page, also if it is a page of an older commit; `None` if it has none.
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
