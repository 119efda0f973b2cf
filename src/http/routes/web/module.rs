//! Handlers of the screen of a module, and of the download of its bytes.

use axum::extract::State;
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::screen::{Answer, Content, PageSnapshot, Screen};
use crate::http::error::{Failure, Result};
use crate::http::extract::{ModuleHeaders, QueryParams, ReadConditions, ReadRevision, UrlTail};
use crate::http::module::response::NamedBy;
use crate::http::routes::facts;
use crate::http::state::App;
use crate::names::{ModuleHash, ModulePath, ModuleRef};
use crate::oci::OciModule;
use crate::store::{self, ErrorKind, Revision, Store};
use crate::web::Section;
use crate::web::module::{ModulePage, VersionRow};
use crate::wire::encode_query_value;

/// The number of versions in the timeline of the page.
const VERSIONS: usize = 12;

/// The number of versions in the chart of sizes.
const SIZES: usize = 60;

/// The query parameter of the screen of a module.
#[derive(Deserialize)]
pub(super) struct ItemsQuery {
    /// Whether to list all imports and exports, and not only the first ones.
    #[serde(default)]
    all: bool,
}

pub(super) async fn get(
    screen: Screen,
    tail: UrlTail,
    QueryParams(query): QueryParams<ItemsQuery>,
) -> Result<Response> {
    let path = tail.parse(ModulePath::parse)?;
    let unread_bytes = unread_bytes(&screen, &path).await?;
    let (app, path_of_oci) = (screen.app.clone(), path.clone());
    // The page also depends on the name for OCI clients, which depends on the default branch and on what OCI clients have pushed.
    let oci = move |snapshot: &PageSnapshot<'_>| oci_module(&app, snapshot, &path_of_oci);
    let render = move |snapshot: &PageSnapshot<'_>, oci: &Option<OciModule>| {
        module(snapshot, &path, oci.as_ref(), query.all)
    };
    screen.respond_depending_on(oci, unread_bytes, render).await
}

/// Returns the repository and tag under which OCI clients pull the module; `None` if they cannot pull it, or if there is no module.
fn oci_module(
    app: &App,
    snapshot: &PageSnapshot<'_>,
    path: &ModulePath,
) -> Result<Option<OciModule>> {
    // OCI clients can only use a server at the root of a host, because they send requests to `/v2/`.
    if !snapshot.site.base.is_empty() {
        return Ok(None);
    }
    let hash = snapshot
        .store
        .hash(&snapshot.revision, &ModuleRef::Path(path.clone()));
    match hash {
        Ok(hash) => Ok(app.registry.module_name(snapshot.store, path, hash)?),
        // The error is reported when the page is rendered.
        Err(_) => Ok(None),
    }
}

/// Returns the size of the module in bytes if the page must read the module, because the index does not have its facts; otherwise 0.
async fn unread_bytes(screen: &Screen, path: &ModulePath) -> Result<u64> {
    let (revision, name) = (screen.revision(), ModuleRef::Path(path.clone()));
    screen
        .app
        .run_read(move |store| {
            // The error is reported when the page is rendered.
            let Ok(hash) = store.hash(&revision, &name) else {
                return Ok(0);
            };
            match store.module_summary(hash) {
                Some(_) => Ok(0),
                None => Ok(store.size_bytes(hash)?),
            }
        })
        .await
}

fn module(
    snapshot: &PageSnapshot<'_>,
    path: &ModulePath,
    oci: Option<&OciModule>,
    has_all_items: bool,
) -> Result<Answer> {
    let hash = match snapshot
        .store
        .hash(&snapshot.revision, &ModuleRef::Path(path.clone()))
    {
        Err(store::Error::IsDirectory(_)) => {
            return Ok(Answer::Redirect(
                snapshot.site.tree(snapshot.place, path.as_tree_path()),
            ));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(absent(snapshot, path)?),
        hash => hash?,
    };
    let facts = snapshot.store.facts_of(hash)?;
    let (versions, sizes, version_count) = versions(snapshot.store, &snapshot.revision, path)?;
    let last_change =
        snapshot
            .store
            .directory_log(&snapshot.revision, path.as_tree_path(), (0, 1))?;
    let page = ModulePage {
        site: snapshot.site,
        place: snapshot.place,
        path,
        commit: snapshot.commit.as_ref(),
        newest: snapshot.newest(snapshot.site.module(&snapshot.place.tip(), path), |tip| {
            let name = ModuleRef::Path(path.clone());
            snapshot.store.contains(tip, &name).unwrap_or(false)
        }),
        branches: &snapshot.branches,
        hash,
        digest: snapshot.store.digest(hash)?,
        facts: &facts,
        last_change: last_change.first(),
        versions: &versions,
        sizes: &sizes,
        version_count,
        oci,
        has_all_items,
    };
    Ok(Answer::Page(Content {
        title: page.title(),
        section: Section::Modules,
        query: String::new(),
        markup: page.render(),
        is_cacheable: true,
    }))
}

/// Returns the error for a path without a module. If a commit has removed the module, the error names that commit.
fn absent(snapshot: &PageSnapshot<'_>, path: &ModulePath) -> Result<Failure> {
    let mut newest = None;
    snapshot
        .store
        .audit_after(&snapshot.revision, path, None, |entry| {
            newest = Some(entry);
            false
        })?;
    let detail = match newest {
        Some(entry) => format!(
            "{path} was removed from {} by {} in commit {}",
            snapshot.place.name(),
            entry.commit.author,
            entry.commit.id
        ),
        None => format!("{} has no module {path}", snapshot.place.name()),
    };
    Ok(Failure::new(StatusCode::NOT_FOUND, detail))
}

/// Returns the newest versions, newest first; the sizes of more versions, oldest first; and the number of all versions.
fn versions(
    store: &Store,
    revision: &Revision,
    path: &ModulePath,
) -> Result<(Vec<VersionRow>, Vec<u64>, usize)> {
    let all = store.version_list(revision, path)?;
    let (mut rows, mut sizes) = (Vec::new(), Vec::new());
    for (number, version) in all.iter().enumerate().rev().take(SIZES) {
        let size_bytes = store.size_bytes(version.hash)?;
        sizes.push(size_bytes);
        if rows.len() < VERSIONS {
            rows.push(VersionRow {
                number,
                hash: version.hash,
                size_bytes,
                commit: store.commit(version.commit)?,
            });
        }
    }
    sizes.reverse();
    Ok((rows, sizes, all.len()))
}

/// Sends the WIT of a module as text. This route exists because a link of a page cannot set the headers with which the API selects a
/// branch.
pub(super) async fn wit(
    State(app): State<App>,
    screen: Screen,
    conditions: ReadConditions,
    tail: UrlTail,
) -> Result<Response> {
    let revision = ReadRevision(screen.revision());
    facts::wit(State(app), revision, conditions, tail).await
}

/// Sends the bytes of a module as a download. This route exists because a link of a page cannot set the headers with which the API selects
/// a branch.
pub(super) async fn raw(
    State(app): State<App>,
    screen: Screen,
    tail: UrlTail,
    ModuleHeaders(headers): ModuleHeaders,
) -> Result<Response> {
    let path = tail.parse(ModulePath::parse)?;
    let name = path.segments().next_back().unwrap_or_default();
    let disposition = format!("attachment; filename*=UTF-8''{}", encode_query_value(name));
    let find = move |store: &Store, revision: &Revision| -> store::Result<ModuleHash> {
        store.hash(revision, &ModuleRef::Path(path.clone()))
    };
    let mut response = app
        .respond_with_module(&headers, screen.revision(), find, NamedBy::Path)
        .await?;
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        response
            .headers_mut()
            .insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}
