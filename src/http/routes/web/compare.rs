//! Handlers of the comparison of two branches or commits, and of the screen of a commit.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use axum::response::Response;
use serde::Deserialize;

use super::screen::{Answer, Content, PageSnapshot, Screen};
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, parse_revision};
use crate::names::{CommitId, ModulePath, TreePath};
use crate::store::{
    CommitCount, Compatibility, ModuleComparison, PathChange, Revision, SizeChanges, Store,
};
use crate::web::changes::ChangeRow;
use crate::web::commit::CommitPage;
use crate::web::compare::{ComparePage, Compared, Side};
use crate::web::{Section, Site};

/// The number of modules on a page of the list.
pub(super) const PAGE_SIZE: usize = 100;

/// The maximum time for comparing modules for one page. After that, modules are listed without a verdict, which says whether the new module
/// can replace the old one.
const VERDICTS_TIME_MAX: Duration = Duration::from_millis(500);

/// The maximum total size of the modules that are compared for one page, in bytes.
pub(super) const VERDICTS_BYTES_MAX: u64 = 32 << 20;

/// The query parameters of a comparison.
#[derive(Default, Deserialize)]
pub(super) struct CompareQuery {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    path: String,
    /// The last path on the previous page of the list.
    after: Option<String>,
}

/// The query parameters of the page of a commit.
#[derive(Deserialize)]
pub(super) struct CommitQuery {
    /// The last path of the previous page.
    after: Option<String>,
    /// The previous tip of the branch, if a fast-forward to this commit has just been made. The page then says how to undo it.
    forwarded_from: Option<String>,
}

pub(super) async fn compare(
    screen: Screen,
    QueryParams(query): QueryParams<CompareQuery>,
) -> Result<Response> {
    let query = CompareQuery {
        from: typed(query.from),
        to: typed(query.to),
        ..query
    };
    let path = TreePath::parse(&query.path)?;
    let memory = compared_bytes(&screen, &query, &path).await?;
    let sides = (query.from.clone(), query.to.clone());
    // Ignores errors here: a page without both sides has only a form, and an invalid side is reported when the page is rendered.
    let commits = move |snapshot: &PageSnapshot<'_>| -> Result<[Option<CommitId>; 2]> {
        let commit = |text: &str| {
            let revision = parse_revision(text).ok()?;
            snapshot.store.snapshot(&revision).ok()
        };
        Ok([commit(&sides.0), commit(&sides.1)])
    };
    let render = move |snapshot: &PageSnapshot<'_>, _: &[Option<CommitId>; 2]| {
        comparison(snapshot, &query, &path)
    };
    screen.respond_depending_on(commits, memory, render).await
}

/// Removes the spaces around a commit id, because a user may have pasted them. Returns any other text unchanged, because it may be the name
/// of a branch.
fn typed(text: String) -> String {
    match CommitId::parse(text.trim()) {
        Ok(commit) => commit.to_string(),
        Err(_) => text,
    }
}

/// Returns the memory that a comparison may need, in bytes: the total size of both modules if two modules are compared, otherwise
/// [`VERDICTS_BYTES_MAX`].
async fn compared_bytes(screen: &Screen, query: &CompareQuery, path: &TreePath) -> Result<u64> {
    let Ok(path) = ModulePath::try_from(path.clone()) else {
        return Ok(VERDICTS_BYTES_MAX);
    };
    if query.from.is_empty() || query.to.is_empty() {
        return Ok(0);
    }
    let sides = [parse_revision(&query.from)?, parse_revision(&query.to)?];
    let app = &screen.app;
    app.run_read(move |store| {
        let name = crate::names::ModuleRef::Path(path);
        let sizes = sides.iter().map(|side| {
            store
                .size_bytes_of(side, &name)
                .unwrap_or(VERDICTS_BYTES_MAX)
        });
        Ok(sizes.sum::<u64>().max(1 << 20))
    })
    .await
}

fn comparison(
    snapshot: &PageSnapshot<'_>,
    query: &CompareQuery,
    path: &TreePath,
) -> Result<Answer> {
    let (from, to) = (query.from.as_str(), query.to.as_str());
    let after = query.after.as_deref().map(ModulePath::parse).transpose()?;
    let sides = match from.is_empty() || to.is_empty() {
        true => None,
        false => Some((side(snapshot, from)?, side(snapshot, to)?)),
    };
    let compared = match &sides {
        Some((from, to)) => Some(compared(snapshot, from, to, path, after.as_ref())?),
        None => None,
    };
    let result = sides
        .as_ref()
        .zip(compared.as_ref().map(|(compared, _)| compared));
    let page = ComparePage {
        site: snapshot.site,
        place: snapshot.place,
        branches: &snapshot.branches,
        fields: (from, to, path.as_str()),
        path,
        is_first: after.is_none(),
        result: result.map(|((from, to), compared)| (from, to, compared)),
    };
    Ok(Answer::Page(Content {
        title: page.title(),
        section: Section::History,
        query: String::new(),
        markup: page.render(),
        is_cacheable: compared.as_ref().is_none_or(|compared| compared.1),
    }))
}

fn side(snapshot: &PageSnapshot<'_>, text: &str) -> Result<Side> {
    let revision = parse_revision(text)?;
    let commit = snapshot.store.snapshot(&revision);
    let commit = commit.map_err(|error| snapshot.missing(&revision, error))?;
    Ok(Side {
        text: text.to_owned(),
        commit: snapshot.store.commit(commit)?,
    })
}

/// Compares the commits or modules on both sides. Also returns whether a later request would get the same result.
fn compared(
    snapshot: &PageSnapshot<'_>,
    from: &Side,
    to: &Side,
    path: &TreePath,
    after: Option<&ModulePath>,
) -> Result<(Compared, bool)> {
    let (old, new) = (
        Revision::Commit(from.commit.id),
        Revision::Commit(to.commit.id),
    );
    let (store, mut changes) = (snapshot.store, Vec::new());
    store.diff_after((&old, &new), path, after, |change| {
        changes.push(change);
        stop_after(changes.len())
    })?;
    if let [change] = changes.as_slice()
        && change.path.as_tree_path() == path
        && let (Some(old), Some(new)) = (change.old, change.new)
        && let Some(comparison) = store.compare(change)?
    {
        let sizes = match &comparison {
            ModuleComparison::Compared(_) => store.size_changes(old, new)?,
            ModuleComparison::NotComparable(_) => SizeChanges::default(),
        };
        return Ok((Compared::Module(Box::new(comparison), sizes), true));
    }
    let page = rows(store, changes)?;
    // The link to the next page names the commits, so that it shows the same comparison even if a branch moves.
    let [from, to] = [from, to].map(|side| side.commit.id.to_string());
    let url = snapshot.site.compare(&from, &to, path);
    let next = { page.last }.map(|last| Site::and(&url, "after", last.as_str()));
    Ok((Compared::Paths(page.rows, next), page.is_cacheable))
}

/// Returns whether `earlier` is an ancestor of `commit`. A link can name any commit, but the page must not present a commit as the state
/// before a merge if it is not an ancestor.
fn is_before(store: &Store, earlier: CommitId, commit: CommitId) -> bool {
    let relation = store.relation(commit, earlier);
    relation.is_ok_and(|relation| earlier != commit && relation.behind == CommitCount::default())
}

/// Stops the comparison after one more change than fits on a page. The additional change shows that there is another page.
fn stop_after(read: usize) -> ControlFlow<()> {
    if read > PAGE_SIZE {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

/// The rows on one page of a list of changed modules.
pub(super) struct RowPage {
    pub rows: Vec<ChangeRow>,
    /// The last path on the page; `None` if there is no further page.
    last: Option<ModulePath>,
    /// Whether all modules that are small enough were compared. If not, a later request may find for more rows whether the new module can
    /// replace the old one.
    is_cacheable: bool,
}

/// Returns the rows of a page. As far as time and memory allow, each row has a verdict: whether the new module can replace the old one.
pub(super) fn rows(store: &Store, mut changes: Vec<PathChange>) -> Result<RowPage> {
    let has_more = changes.len() > PAGE_SIZE;
    changes.truncate(PAGE_SIZE);
    let last = changes.last().map(|change| change.path.clone());
    let (started, mut compared_bytes, mut rows) = (Instant::now(), 0_u64, Vec::new());
    let mut is_cacheable = true;
    for change in changes {
        let size = |hash| store.size_bytes(hash);
        let old_bytes = change.old.map(size).transpose()?;
        let new_bytes = change.new.map(size).transpose()?;
        let bytes = old_bytes
            .unwrap_or(0)
            .saturating_add(new_bytes.unwrap_or(0));
        compared_bytes = compared_bytes.saturating_add(bytes);
        let is_small = compared_bytes < VERDICTS_BYTES_MAX;
        let has_time = started.elapsed() < VERDICTS_TIME_MAX;
        let is_compared = old_bytes.is_some() && new_bytes.is_some();
        is_cacheable &= has_time || !is_small || !is_compared;
        let comparison = match is_small && has_time {
            true => store.compare(&change)?,
            false => None,
        };
        rows.push(ChangeRow {
            path: change.path,
            old_bytes,
            new_bytes,
            verdict: comparison.and_then(|comparison| verdict(&comparison)),
        });
    }
    Ok(RowPage {
        rows,
        last: last.filter(|_| has_more),
        is_cacheable,
    })
}

fn verdict(comparison: &ModuleComparison) -> Option<Compatibility> {
    match comparison {
        ModuleComparison::Compared(diff) => Some(diff.verdict.compatibility),
        ModuleComparison::NotComparable(_) => None,
    }
}

pub(super) async fn commit(
    screen: Screen,
    QueryParams(query): QueryParams<CommitQuery>,
) -> Result<Response> {
    if screen.place.commit.is_none() {
        return Err(Failure::malformed("`commit` is missing"));
    }
    let after = query.after.as_deref().map(ModulePath::parse).transpose()?;
    let from = query.forwarded_from.as_deref().map(CommitId::parse);
    let from = from.transpose()?;
    let render = move |snapshot: &PageSnapshot<'_>| commit_page(snapshot, after.as_ref(), from);
    screen.respond_with_memory(VERDICTS_BYTES_MAX, render).await
}

fn commit_page(
    snapshot: &PageSnapshot<'_>,
    after: Option<&ModulePath>,
    forwarded_from: Option<CommitId>,
) -> Result<Answer> {
    let Some(commit) = &snapshot.commit else {
        return Err(Failure::malformed("`commit` is missing"));
    };
    let mut changes = Vec::new();
    snapshot.store.changes_after(commit, after, |change| {
        changes.push(change);
        stop_after(changes.len())
    })?;
    let page_of_rows = rows(snapshot.store, changes)?;
    let url = snapshot.site.commit(snapshot.place, &commit.id);
    let page = CommitPage {
        site: snapshot.site,
        place: snapshot.place,
        commit,
        forwarded_from: forwarded_from.filter(|from| is_before(snapshot.store, *from, commit.id)),
        rows: &page_of_rows.rows,
        next: { page_of_rows.last.as_ref() }.map(|last| Site::and(&url, "after", last.as_str())),
    };
    Ok(Answer::Page(Content {
        title: page.title(),
        section: Section::History,
        query: String::new(),
        markup: page.render(),
        is_cacheable: page_of_rows.is_cacheable,
    }))
}
