//! The history of everything, of a directory, and of a module.

use std::collections::HashMap;
use std::ops::ControlFlow;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::screen::{Answer, Content, Screen, Seen};
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, UrlTail};
use crate::names::{CommitId, ModulePath, ModuleRef, RefName, TreePath};
use crate::store::{Commit, LogOrder, PathChange, Store};
use crate::web::history::{History, HistoryRow, module_path};
use crate::web::lanes::Lanes;
use crate::web::{Section, Site};

/// The number of commits on a page.
const PAGE_SIZE: usize = 40;

/// The number of changes that are listed for a commit.
const CHANGES: usize = 3;

/// The query parameters that select a page.
#[derive(Deserialize)]
pub(super) struct PageQuery {
    /// The last commit of the previous page.
    after: Option<String>,
    /// The number of commits before the page, in the history of a directory.
    #[serde(default)]
    start: usize,
}

/// The rows of a page, and the URL of the next one.
type Rows = (Vec<HistoryRow>, Option<String>);

pub(super) async fn history(
    screen: Screen,
    UrlTail(tail): UrlTail,
    QueryParams(query): QueryParams<PageQuery>,
) -> Result<Response> {
    let path = TreePath::parse(&tail)?;
    let after = query.after.as_deref().map(CommitId::parse).transpose()?;
    screen
        .respond(move |seen| page(seen, &path, after, query.start))
        .await
}

fn page(seen: &Seen<'_>, path: &TreePath, after: Option<CommitId>, start: usize) -> Result<Answer> {
    let (mut rows, next) = match module_path(path) {
        _ if path.is_root() => of_everything(seen, after)?,
        Some(module) if is_module(seen, &module)? => of_module(seen, &module, after)?,
        _ => of_directory(seen, path, start)?,
    };
    mark_branches(seen.store, &mut rows)?;
    let page = History {
        site: seen.site,
        place: seen.place,
        path,
        commit: seen.commit.as_ref(),
        newest: seen.newest(seen.site.history(&seen.place.tip(), path), |tip| {
            seen.store.snapshot(tip).is_ok()
        }),
        branches: &seen.branches,
        rows: &rows,
        next,
        is_first: after.is_none() && start == 0,
    };
    Ok(Answer::Page(Content {
        title: page.title(),
        section: Section::History,
        query: String::new(),
        markup: page.render(),
        // The branches that point to commits are not part of the entity tag.
        is_final: rows.iter().all(|row| row.branches.is_empty()),
    }))
}

/// Returns whether a path is that of a module, or was: a removed module has a history, too.
fn is_module(seen: &Seen<'_>, path: &ModulePath) -> Result<bool> {
    let name = ModuleRef::Path(path.clone());
    if seen.store.contains(&seen.revision, &name)? {
        return Ok(true);
    }
    Ok(!seen.store.version_list(&seen.revision, path)?.is_empty())
}

fn of_everything(seen: &Seen<'_>, after: Option<CommitId>) -> Result<Rows> {
    let (mut lanes, mut found, mut is_reached) = (Lanes::default(), Vec::new(), after.is_none());
    // All commits before the page are visited, because the lanes begin at the first one.
    seen.store.log(
        &seen.revision,
        0,
        usize::MAX,
        LogOrder::NewestFirst,
        |commit| {
            let row = lanes.add(commit.id, &commit.parents);
            let id = commit.id;
            if is_reached {
                found.push((commit, row));
            }
            is_reached = is_reached || after == Some(id);
            found.len() <= PAGE_SIZE
        },
    )?;
    if let Some(after) = after.filter(|_| !is_reached) {
        let detail = format!(
            "commit {after} is not in the history of {}",
            seen.place.name()
        );
        return Err(Failure::new(StatusCode::NOT_FOUND, detail));
    }
    let has_more = found.len() > PAGE_SIZE;
    found.truncate(PAGE_SIZE);
    let mut rows = Vec::new();
    for (commit, lanes) in found {
        let (changes, has_more) = changes(seen.store, &commit)?;
        rows.push(HistoryRow {
            lanes: Some(lanes),
            changes,
            has_more,
            ..row_of(commit)
        });
    }
    let url = seen.site.history(seen.place, &TreePath::root());
    let next = next_after(&url, &rows, has_more);
    Ok((rows, next))
}

fn of_module(seen: &Seen<'_>, path: &ModulePath, after: Option<CommitId>) -> Result<Rows> {
    let mut entries = Vec::new();
    seen.store
        .audit_after(&seen.revision, path, after, |entry| {
            entries.push(entry);
            // One more than a page, whose size the last one of the page is compared with.
            entries.len() <= PAGE_SIZE
        })?;
    let has_more = entries.len() > PAGE_SIZE;
    let size = |hash| seen.store.size_bytes(hash);
    let sizes = entries
        .iter()
        .map(|entry| Ok(entry.hash.map(size).transpose()?));
    let sizes = sizes.collect::<Result<Vec<Option<u64>>>>()?;
    let mut rows = Vec::new();
    for (at, entry) in entries.into_iter().take(PAGE_SIZE).enumerate() {
        let before = sizes.get(at + 1).copied().flatten();
        rows.push(HistoryRow {
            sizes: Some((sizes[at], before)),
            ..row_of(entry.commit)
        });
    }
    let url = seen.site.history(seen.place, path.as_tree_path());
    let next = next_after(&url, &rows, has_more);
    Ok((rows, next))
}

fn of_directory(seen: &Seen<'_>, path: &TreePath, start: usize) -> Result<Rows> {
    let count = start.saturating_add(PAGE_SIZE + 1);
    let commits = seen.store.directory_log(&seen.revision, path, count)?;
    let has_more = commits.len() == count;
    let mut rows = Vec::new();
    for commit in commits.into_iter().skip(start).take(PAGE_SIZE) {
        let (changes, has_more) = changes(seen.store, &commit)?;
        rows.push(HistoryRow {
            changes,
            has_more,
            ..row_of(commit)
        });
    }
    let url = seen.site.history(seen.place, path);
    let next = has_more.then(|| Site::and(&url, "start", start + PAGE_SIZE));
    Ok((rows, next))
}

fn row_of(commit: Commit) -> HistoryRow {
    HistoryRow {
        commit,
        lanes: None,
        changes: Vec::new(),
        has_more: false,
        sizes: None,
        branches: Vec::new(),
    }
}

fn next_after(url: &str, rows: &[HistoryRow], has_more: bool) -> Option<String> {
    let last = rows.last().filter(|_| has_more)?;
    Some(Site::and(url, "after", last.commit.id))
}

/// Returns the first modules that a commit changed, and whether there are more.
fn changes(store: &Store, commit: &Commit) -> Result<(Vec<PathChange>, bool)> {
    let (mut changes, mut has_more) = (Vec::new(), false);
    store.changes(commit, |change| {
        has_more = changes.len() == CHANGES;
        if has_more {
            return ControlFlow::Break(());
        }
        changes.push(change);
        ControlFlow::Continue(())
    })?;
    Ok((changes, has_more))
}

/// Adds the names of the branches to the commits that they point to.
fn mark_branches(store: &Store, rows: &mut [HistoryRow]) -> Result<()> {
    let mut tips: HashMap<String, Vec<String>> = HashMap::new();
    for (name, tip) in store.refs()? {
        if let RefName::Branch(branch) = name {
            tips.entry(tip.to_string())
                .or_default()
                .push(branch.to_string());
        }
    }
    for row in rows {
        let branches = tips.remove(&row.commit.id.to_string());
        row.branches = branches.unwrap_or_default().into_iter().take(4).collect();
    }
    Ok(())
}
