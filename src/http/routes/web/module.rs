//! Handlers of the screen of a module, and of the download of its bytes.

use axum::extract::State;
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::screen::{Answer, Content, Screen, Seen};
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
    let oci = move |seen: &Seen<'_>| oci_module(&app, seen, &path_of_oci);
    let render = move |seen: &Seen<'_>, oci: &Option<OciModule>| {
        module(seen, &path, oci.as_ref(), query.all)
    };
    screen.respond_depending_on(oci, unread_bytes, render).await
}

/// Returns the repository and tag under which OCI clients pull the module; `None` if they cannot pull it, or if there is no module.
fn oci_module(app: &App, seen: &Seen<'_>, path: &ModulePath) -> Result<Option<OciModule>> {
    // OCI clients can only use a server at the root of a host, because they send requests to `/v2/`.
    if !seen.site.base.is_empty() {
        return Ok(None);
    }
    let hash = seen
        .store
        .hash(&seen.revision, &ModuleRef::Path(path.clone()));
    match hash {
        Ok(hash) => Ok(app.registry.module_name(seen.store, path, hash)?),
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
    seen: &Seen<'_>,
    path: &ModulePath,
    oci: Option<&OciModule>,
    has_all_items: bool,
) -> Result<Answer> {
    let hash = match seen
        .store
        .hash(&seen.revision, &ModuleRef::Path(path.clone()))
    {
        Err(store::Error::IsDirectory(_)) => {
            return Ok(Answer::Redirect(
                seen.site.tree(seen.place, path.as_tree_path()),
            ));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(absent(seen, path)?),
        hash => hash?,
    };
    let facts = seen.store.facts_of(hash)?;
    let (versions, sizes, version_count) = versions(seen.store, &seen.revision, path)?;
    let last_change = seen
        .store
        .directory_log(&seen.revision, path.as_tree_path(), (0, 1))?;
    let page = ModulePage {
        site: seen.site,
        place: seen.place,
        path,
        commit: seen.commit.as_ref(),
        newest: seen.newest(seen.site.module(&seen.place.tip(), path), |tip| {
            let name = ModuleRef::Path(path.clone());
            seen.store.contains(tip, &name).unwrap_or(false)
        }),
        branches: &seen.branches,
        hash,
        digest: seen.store.digest(hash)?,
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
        is_final: true,
    }))
}

/// Returns the error for a path without a module. If a commit has removed the module, the error names that commit.
fn absent(seen: &Seen<'_>, path: &ModulePath) -> Result<Failure> {
    let mut newest = None;
    seen.store
        .audit_after(&seen.revision, path, None, |entry| {
            newest = Some(entry);
            false
        })?;
    let detail = match newest {
        Some(entry) => format!(
            "{path} was removed from {} by {} in commit {}",
            seen.place.name(),
            entry.commit.author,
            entry.commit.id
        ),
        None => format!("{} has no module {path}", seen.place.name()),
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
