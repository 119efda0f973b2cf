//! Handlers of the first page and of the screen of a directory.

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::screen::{Answer, Content, PageSnapshot, Screen, redirect};
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, UrlTail};
use crate::http::middleware::web_errors::asks_for_page;
use crate::http::state::App;
use crate::names::{ModulePath, ModuleRef, TreePath};
use crate::web::Section;
use crate::web::directory::Directory;

/// The number of entries on a page of the list.
const PAGE_SIZE: usize = 100;

/// The number of sizes in the small chart of a module.
const SIZES: usize = 24;

/// The query parameter that selects a page of the list.
#[derive(Deserialize)]
pub(super) struct StartQuery {
    /// The number of entries that precede the page.
    #[serde(default)]
    start: usize,
}

/// Shows the modules of the default branch to browsers. Returns 404 to other clients, as before there was a web UI.
pub(super) async fn first(State(app): State<App>, request: Request) -> Result<Response> {
    if !asks_for_page(&request) {
        return Err(Failure::unknown_endpoint());
    }
    let query = QueryParams::of(request.uri())?;
    let (mut parts, _) = request.into_parts();
    let screen = Screen::from_request_parts(&mut parts, &app).await?;
    tree(screen, UrlTail::default(), query).await
}

pub(super) async fn redirect_to_first(State(app): State<App>) -> Response {
    redirect(&app.base_path.join("/"))
}

pub(super) async fn tree(
    screen: Screen,
    UrlTail(tail): UrlTail,
    QueryParams(StartQuery { start }): QueryParams<StartQuery>,
) -> Result<Response> {
    let path = TreePath::parse(&tail)?;
    screen
        .respond(move |snapshot| directory(snapshot, &path, start))
        .await
}

fn directory(snapshot: &PageSnapshot<'_>, path: &TreePath, start: usize) -> Result<Answer> {
    let page = snapshot
        .store
        .directory(&snapshot.revision, path, (start, PAGE_SIZE), SIZES)?;
    let Some(page) = page else {
        return module_instead(snapshot, path);
    };
    let last_change = snapshot
        .store
        .directory_log(&snapshot.revision, path, (0, 1))?;
    let screen = Directory {
        site: snapshot.site,
        place: snapshot.place,
        path,
        commit: snapshot.commit.as_ref(),
        newest: snapshot.newest(snapshot.site.tree(&snapshot.place.tip(), path), |tip| {
            let page = snapshot.store.directory(tip, path, (0, 0), 1);
            page.is_ok_and(|page| page.is_some())
        }),
        last_change: last_change.first(),
        branches: &snapshot.branches,
        page: &page,
        page_size: PAGE_SIZE,
    };
    Ok(Answer::Page(Content {
        title: screen.title(),
        section: Section::Modules,
        query: String::new(),
        markup: screen.render(),
        is_cacheable: page.is_complete,
    }))
}

/// Redirects to the module at the path, if the path is not a directory but a module; otherwise returns 404.
fn module_instead(snapshot: &PageSnapshot<'_>, path: &TreePath) -> Result<Answer> {
    if let Ok(path) = ModulePath::try_from(path.clone())
        && snapshot
            .store
            .contains(&snapshot.revision, &ModuleRef::Path(path.clone()))?
    {
        return Ok(Answer::Redirect(
            snapshot.site.module(snapshot.place, &path),
        ));
    }
    let detail = format!("{} has no directory {path}", snapshot.place.name());
    Err(Failure::new(StatusCode::NOT_FOUND, detail))
}
