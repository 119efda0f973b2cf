//! What all screens have in common: the branch or commit, the rights of the client, the entity tag, the response.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, LOCATION, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::http::charged::charged_response;
use crate::http::error::{Failure, Result};
use crate::http::extract::QueryParams;
use crate::http::listener::Peer;
use crate::http::middleware::auth::Caller;
use crate::http::module::encodings::{Coding, compress};
use crate::http::module::etag::{self, Freshness};
use crate::http::pages;
use crate::http::site::site_of;
use crate::http::state::App;
use crate::names::{BranchName, CommitId};
use crate::store::{self, Commit, ErrorKind, Revision, Store};
use crate::web::layout::Page;
use crate::web::picker::Branches;
use crate::web::{Markup, Place, Rights, Section, Site, assets, page};

/// The memory that is charged while a page is rendered, in bytes. A page has less: its lists and texts are bounded.
const PAGE_BYTES: u64 = 4 << 20;

/// The size from which on a page is compressed, in bytes.
const COMPRESSED_BYTES_MIN: usize = 1024;

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
    uri: String,
    /// `If-None-Match`, and what the client accepts.
    headers: HeaderMap,
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
    /// Whether a later request for the same URL at the same commit gets the same page.
    pub is_final: bool,
}

/// The store as one page sees it.
pub(super) struct Seen<'s> {
    pub store: &'s Store,
    pub site: &'s Site,
    pub place: &'s Place,
    /// The resolved branch or commit.
    pub revision: Revision,
    /// The commit; `None` on a branch without one.
    pub commit: Option<Commit>,
    pub branches: Branches,
}

impl FromRequestParts<App> for Screen {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let QueryParams(query) = QueryParams::<PlaceQuery>::of(&parts.uri)?;
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let default_branch = app.default_branch().await?;
        let branch = match given(query.branch) {
            Some(branch) => BranchName::parse(branch.trim())?,
            None => default_branch.clone(),
        };
        let commit = given(query.commit).map(|commit| CommitId::parse(commit.trim()));
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
    /// Responds with the page of a branch or commit, or with 304 if the client has it.
    pub async fn respond(
        self,
        render: impl FnOnce(&Seen<'_>) -> Result<Answer> + Send + 'static,
    ) -> Result<Response> {
        self.respond_with_memory(0, render).await
    }

    /// Responds like [`respond`](Self::respond), with this number of bytes of memory in addition to those of the page.
    pub async fn respond_with_memory(
        self,
        bytes: u64,
        render: impl FnOnce(&Seen<'_>) -> Result<Answer> + Send + 'static,
    ) -> Result<Response> {
        let charge = self.app.charge(PAGE_BYTES.saturating_add(bytes)).await?;
        let app = self.app.clone();
        app.run_long_read(move |store| {
            let seen = self.see(store)?;
            let commit = seen.commit.as_ref().map(|commit| commit.id);
            let tag = self.tag((commit, &seen.branches.0));
            if self.has(&tag)? {
                return Ok(not_modified(&tag));
            }
            let answer = render(&seen)?;
            self.send(answer, Some(tag), charge)
        })
        .await
    }

    /// Responds with a page that does not depend on a commit, with this number of bytes of memory in addition to those of the page.
    pub async fn respond_without_commit(
        self,
        bytes: u64,
        render: impl FnOnce(&Store, &Self) -> Result<Answer> + Send + 'static,
    ) -> Result<Response> {
        let charge = self.app.charge(PAGE_BYTES.saturating_add(bytes)).await?;
        let app = self.app.clone();
        app.run_long_read(move |store| {
            let answer = render(store, &self)?;
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
        Ok(Seen {
            store,
            site: &self.site,
            place: &self.place,
            revision,
            commit: commit.map(|commit| store.commit(commit)).transpose()?,
            branches: Branches(store.branches()?),
        })
    }

    /// Returns the entity tag of a page: of everything that it is made of.
    fn tag(&self, content: impl Hash) -> String {
        let mut hasher = DefaultHasher::new();
        (
            env!("CARGO_PKG_VERSION"),
            &assets::style().name,
            &assets::script().name,
        )
            .hash(&mut hasher);
        (
            &self.uri,
            &self.site.url,
            &self.site.default_branch,
            (self.site.rights, self.site.shows_status),
        )
            .hash(&mut hasher);
        content.hash(&mut hasher);
        format!("W/\"{:016x}\"", hasher.finish())
    }

    fn has(&self, tag: &str) -> Result<bool> {
        let conditions = self.headers.get_all(IF_NONE_MATCH).iter();
        let conditions = conditions
            .map(|value| (IF_NONE_MATCH, value.clone()))
            .collect();
        let opaque = tag.trim_start_matches("W/").trim_matches('"');
        Ok(matches!(
            etag::evaluate(&conditions, opaque)?,
            Freshness::NotModified
        ))
    }

    fn send(
        &self,
        answer: Answer,
        tag: Option<String>,
        charge: crate::budget::Charge,
    ) -> Result<Response> {
        let content = match answer {
            Answer::Page(content) => content,
            Answer::Redirect(url) => return Ok(redirect(&url)),
        };
        let html = page(Page {
            site: &self.site,
            place: &self.place,
            title: &content.title,
            section: content.section,
            query: &content.query,
            content: content.markup,
        });
        let coding =
            Coding::preferred(&self.headers).filter(|_| html.len() >= COMPRESSED_BYTES_MIN);
        let bytes = match coding {
            Some(coding) => compress(html.as_bytes(), coding)
                .expect("BUG: writing to memory does not fail")
                .to_vec(),
            None => html.into_bytes(),
        };
        let mut response = charged_response(pages::MEDIA_TYPE, bytes, charge)?;
        let headers = response.headers_mut();
        if let Some(coding) = coding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        match tag.filter(|_| content.is_final).map(|tag| tag.parse()) {
            Some(Ok(tag)) => drop(headers.insert(ETAG, tag)),
            _ => drop(headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))),
        }
        headers.insert(VARY, SELECTING_HEADERS);
        Ok(response)
    }
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

fn missing(store: &Store, revision: &Revision, error: store::Error) -> Failure {
    if error.kind() == ErrorKind::NotFound
        && let Revision::Commit(commit) = revision
        && store.was_dropped(*commit).unwrap_or(false)
    {
        let detail = format!("commit {commit} was in this store, and gc has deleted it");
        return Failure::new(StatusCode::GONE, detail);
    }
    error.into()
}

/// The request headers that a page depends on.
const SELECTING_HEADERS: HeaderValue =
    HeaderValue::from_static("Accept, Accept-Encoding, Authorization, Cookie");

fn not_modified(tag: &str) -> Response {
    let headers = [(ETAG, tag.to_owned())];
    (
        StatusCode::NOT_MODIFIED,
        headers,
        [(VARY, SELECTING_HEADERS)],
    )
        .into_response()
}

/// Returns a redirect to a URL of this server.
pub(super) fn redirect(url: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response()
}
