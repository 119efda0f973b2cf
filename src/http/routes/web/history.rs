//! Handlers of the history of a branch, a directory or a module.

use std::collections::HashMap;
use std::ops::ControlFlow;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::screen::{Answer, Content, PageSnapshot, Screen};
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, UrlTail};
use crate::names::{CommitId, ModulePath, ModuleRef, ObjectId, RefName, TreePath};
use crate::store::{Commit, LogOrder, PathChange, Store};
use crate::web::history::{History, HistoryRow, module_path};
use crate::web::lanes::Lanes;
use crate::web::{Section, Site};

/// The number of commits on a page of the list.
const PAGE_SIZE: usize = 40;

/// The maximum number of commits that may precede a page. All of them must be read to reach the page. To show even older commits, the link
/// to the next page starts a new history at an older commit.
const WALKED_MAX: usize = 20_000;

/// The memory that `WALKED_MAX` commits may take, in bytes.
const WALKED_BYTES: u64 = 8 << 20;

/// The number of changes that are listed for each commit.
const CHANGES: usize = 3;

/// The query parameters that select a page of the list.
#[derive(Deserialize)]
pub(super) struct PageQuery {
    /// The id of the last commit on the previous page.
    after: Option<String>,
    /// In the history of a directory, the number of commits that precede the page.
    #[serde(default)]
    start: usize,
}

/// The rows of a page, and the URL of the next page.
type Rows = (Vec<HistoryRow>, Option<String>);

pub(super) async fn history(
    screen: Screen,
    UrlTail(tail): UrlTail,
    QueryParams(query): QueryParams<PageQuery>,
) -> Result<Response> {
    let path = TreePath::parse(&tail)?;
    let after = query.after.as_deref().map(CommitId::parse).transpose()?;
    let memory = if after.is_some() || query.start > 0 {
        WALKED_BYTES
    } else {
        0
    };
    // The page also depends on the tips of all branches, because it shows the names of branches next to their tips.
    let tips = |snapshot: &PageSnapshot<'_>| Ok(snapshot.store.refs()?);
    let render = move |snapshot: &PageSnapshot<'_>, refs: &Vec<(RefName, ObjectId)>| {
        page(snapshot, refs, &path, after, query.start)
    };
    screen.respond_depending_on(tips, memory, render).await
}

fn page(
    snapshot: &PageSnapshot<'_>,
    refs: &[(RefName, ObjectId)],
    path: &TreePath,
    after: Option<CommitId>,
    start: usize,
) -> Result<Answer> {
    if start > WALKED_MAX {
        let detail = format!(
            "`start` is at most {WALKED_MAX}: older commits are in the history of an older commit"
        );
        return Err(Failure::malformed(detail));
    }
    let (mut rows, next) = match module_path(path) {
        _ if path.is_root() => match of_everything(snapshot, after)? {
            Some(rows) => rows,
            None => return Ok(Answer::Redirect(older(snapshot, path, after))),
        },
        Some(module) if is_module(snapshot, &module)? => of_module(snapshot, &module, after)?,
        _ => of_directory(snapshot, path, start)?,
    };
    mark_branches(refs, &mut rows);
    let page = History {
        site: snapshot.site,
        place: snapshot.place,
        path,
        commit: snapshot.commit.as_ref(),
        newest: snapshot.newest(snapshot.site.history(&snapshot.place.tip(), path), |tip| {
            snapshot.store.snapshot(tip).is_ok()
        }),
        branches: &snapshot.branches,
        rows: &rows,
        next,
        is_first: after.is_none() && start == 0,
    };
    Ok(Answer::Page(Content {
        title: page.title(),
        section: Section::History,
        query: String::new(),
        markup: page.render(),
        is_cacheable: true,
    }))
}

/// Returns whether there is or was a module at the path. A removed module has a history too.
fn is_module(snapshot: &PageSnapshot<'_>, path: &ModulePath) -> Result<bool> {
    let name = ModuleRef::Path(path.clone());
    if snapshot.store.contains(&snapshot.revision, &name)? {
        return Ok(true);
    }
    Ok(!snapshot
        .store
        .version_list(&snapshot.revision, path)?
        .is_empty())
}

/// Returns the URL of the history that begins at an older commit.
fn older(snapshot: &PageSnapshot<'_>, path: &TreePath, commit: Option<CommitId>) -> String {
    let place = commit.map_or_else(|| snapshot.place.tip(), |commit| snapshot.place.at(commit));
    snapshot.site.history(&place, path)
}

/// Returns the rows of a page of the whole history. Returns `None` if more than `WALKED_MAX` commits precede the page.
fn of_everything(snapshot: &PageSnapshot<'_>, after: Option<CommitId>) -> Result<Option<Rows>> {
    let mut walked = 0;
    let (mut lanes, mut found, mut is_reached) = (Lanes::default(), Vec::new(), after.is_none());
    // Visits all commits that precede the page too, because the lanes of the graph begin at the first commit.
    snapshot.store.log(
        &snapshot.revision,
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
            walked += 1;
            found.len() <= PAGE_SIZE && walked < WALKED_MAX
        },
    )?;
    if walked == WALKED_MAX && !is_reached {
        return Ok(None);
    }
    if let Some(after) = after.filter(|_| !is_reached) {
        let detail = format!(
            "commit {after} is not in the history of {}",
            snapshot.place.name()
        );
        return Err(Failure::new(StatusCode::NOT_FOUND, detail));
    }
    let has_more = found.len() > PAGE_SIZE;
    found.truncate(PAGE_SIZE);
    let mut rows = Vec::new();
    for (commit, lanes) in found {
        let (changes, has_more) = changes(snapshot.store, &commit)?;
        rows.push(HistoryRow {
            lanes: Some(lanes),
            changes,
            has_more,
            ..row_of(commit)
        });
    }
    let root = TreePath::root();
    let last = rows.last().map(|row| row.commit.id);
    let next = match last.filter(|_| walked == WALKED_MAX) {
        Some(last) => Some(older(snapshot, &root, Some(last))),
        None => next_after(
            &snapshot.site.history(snapshot.place, &root),
            &rows,
            has_more,
        ),
    };
    Ok(Some((rows, next)))
}

fn of_module(
    snapshot: &PageSnapshot<'_>,
    path: &ModulePath,
    after: Option<CommitId>,
) -> Result<Rows> {
    let mut entries = Vec::new();
    snapshot
        .store
        .audit_after(&snapshot.revision, path, after, |entry| {
            entries.push(entry);
            // Reads one entry more than fits on a page. It has the size of the module before the last commit on the page.
            entries.len() <= PAGE_SIZE
        })?;
    let has_more = entries.len() > PAGE_SIZE;
    let size = |hash| snapshot.store.size_bytes(hash);
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
    let url = snapshot.site.history(snapshot.place, path.as_tree_path());
    let next = next_after(&url, &rows, has_more);
    Ok((rows, next))
}

fn of_directory(snapshot: &PageSnapshot<'_>, path: &TreePath, start: usize) -> Result<Rows> {
    let part = (start, PAGE_SIZE + 1);
    let commits = snapshot
        .store
        .directory_log(&snapshot.revision, path, part)?;
    let has_more = commits.len() > PAGE_SIZE;
    let mut rows = Vec::new();
    for commit in commits.into_iter().take(PAGE_SIZE) {
        let (changes, has_more) = changes(snapshot.store, &commit)?;
        rows.push(HistoryRow {
            changes,
            has_more,
            ..row_of(commit)
        });
    }
    let url = snapshot.site.history(snapshot.place, path);
    let last = rows.last().map(|row: &HistoryRow| row.commit.id);
    let next = has_more.then(|| match start + PAGE_SIZE {
        next if next <= WALKED_MAX => Site::and(&url, "start", next),
        _ => older(snapshot, path, last),
    });
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

/// Returns some of the modules that a commit changed, and whether the commit changed more modules.
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

/// Adds the names of branches to the rows of the commits that are their tips.
fn mark_branches(refs: &[(RefName, ObjectId)], rows: &mut [HistoryRow]) {
    let mut tips: HashMap<String, Vec<String>> = HashMap::new();
    for (name, tip) in refs {
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
}
