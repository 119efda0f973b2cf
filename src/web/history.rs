//! The screen of the history: of everything, of a directory, or of a module.

use maud::{Markup, html};

use super::format::{bytes, bytes_change, time};
use super::lanes::{LaneRow, lane_row};
use super::links::{Place, Site, short};
use super::picker::{Branches, commit_note, crumbs, live_bar, picker, subject};
use super::text::{plain, shown_cut};
use crate::names::{ModulePath, TreePath};
use crate::store::{Commit, PathChange};

/// The most characters of a path.
const PATH_CHARS: usize = 70;

/// A commit of a history.
pub struct HistoryRow {
    /// The commit.
    pub commit: Commit,
    /// The lanes around it; `None` in the history of a path.
    pub lanes: Option<LaneRow>,
    /// The first modules that it changed.
    pub changes: Vec<PathChange>,
    /// Whether it changed more.
    pub has_more: bool,
    /// In the history of a module: its size after the commit and before, in bytes.
    pub sizes: Option<(Option<u64>, Option<u64>)>,
    /// What points here: the branches whose tip it is.
    pub branches: Vec<String>,
}

/// What the screen shows.
pub struct History<'h> {
    /// The server and the client.
    pub site: &'h Site,
    /// The branch or commit.
    pub place: &'h Place,
    /// The path; the root for everything.
    pub path: &'h TreePath,
    /// The commit from which the history goes back.
    pub commit: Option<&'h Commit>,
    /// The URL of the same page at the tip of the branch, if it has one. Only a page of a commit needs it.
    pub newest: Option<String>,
    /// The branches to select from.
    pub branches: &'h Branches,
    /// The commits, the newest first.
    pub rows: &'h [HistoryRow],
    /// The URL of the next page.
    pub next: Option<String>,
    /// Whether this is the first page.
    pub is_first: bool,
}

impl History<'_> {
    /// Returns the title of the page.
    pub fn title(&self) -> String {
        match self.path.is_root() {
            true => plain(&format!("History of {}", self.place.name()), 100),
            false => format!("History of {}", plain(self.path.as_str(), 100)),
        }
    }

    /// Renders the content.
    pub fn render(&self) -> Markup {
        let Self {
            site,
            place,
            path,
            commit,
            ..
        } = self;
        let bare = site.history(
            &Place {
                branch: None,
                commit: None,
            },
            path,
        );
        let url = site.history(place, path);
        html! {
            @if self.is_first { (live_bar(site, place, *commit, &url)) }
            (commit_note(site, place, *commit, self.newest.as_deref()))
            div.head {
                div {
                    @if !path.is_root() { (crumbs(site, place, path)) }
                    h1 { "History" @if !path.is_root() { " of " (shown_cut(path.segments().next_back().unwrap_or_default(), 200)) } }
                    p.muted.small { "Select two commits to compare them." }
                }
                (picker(&bare, place, self.branches, &html! {}))
            }
            @if self.rows.is_empty() {
                div.card.empty { p { "No commit has changed anything here." } }
            } @else {
                form method="get" action=(site.compare_form()) { (self.table()) }
            }
        }
    }

    fn table(&self) -> Markup {
        let lanes: Vec<LaneRow> = self
            .rows
            .iter()
            .filter_map(|row| row.lanes.clone())
            .collect();
        html! {
            @if !self.path.is_root() { input type="hidden" name="path" value=(self.path.as_str()); }
            div.card.flush {
                div.scroll {
                    table.lanes {
                        caption.sr { "Commits, the newest first" }
                        thead {
                            tr {
                                @if !lanes.is_empty() { th.wide { span.sr { "Graph" } } }
                                th scope="col" { "Old / New" }
                                th scope="col" { "Commit" }
                                th.wide scope="col" { "Changes" }
                                th.wide scope="col" { "When" }
                            }
                        }
                        tbody {
                            @for (at, row) in self.rows.iter().enumerate() { (self.row(at, row, &lanes)) }
                        }
                    }
                }
            }
            div.pages {
                button.primary { "Compare the selected commits" }
                @if let Some(next) = &self.next { a.button href=(next) rel="next" { "Older commits" } }
            }
        }
    }

    fn row(&self, at: usize, row: &HistoryRow, lanes: &[LaneRow]) -> Markup {
        let commit = &row.commit;
        let id = commit.id.to_string();
        let name = short(&commit.id);
        // The newest commit and the one before are selected at first.
        html! {
            tr {
                @if let Some(lanes_of_row) = &row.lanes { td.graph.wide { (lane_row(lanes_of_row, lanes)) } }
                td.nowrap {
                    input type="radio" name="from" value=(id) checked[at == 1 || self.rows.len() == 1] aria-label=(format!("Compare from {name}"));
                    input type="radio" name="to" value=(id) checked[at == 0] aria-label=(format!("Compare to {name}"));
                }
                td {
                    a.subject href=(self.site.commit(self.place, &commit.id)) { (shown_cut(subject(&commit.message), 110)) }
                    @for branch in &row.branches { " " span.tag.component { (shown_cut(branch, 40)) } }
                    (badges(commit))
                    div.small.muted { span.mono { (name) } " by " (shown_cut(&commit.author, 40)) span.narrow { (time(commit.date_s)) } }
                    div.narrow.small { (self.changes(row)) }
                }
                td.wide.small { (self.changes(row)) }
                td.wide.nowrap { (time(commit.date_s)) }
            }
        }
    }

    fn changes(&self, row: &HistoryRow) -> Markup {
        if let Some((new, old)) = row.sizes {
            return html! {
                @match (new, old) {
                    (Some(new), Some(old)) => { (bytes(new)) " " span.muted { (bytes_change(old, new)) } },
                    (Some(new), None) => { span.tag.good { "added" } " " (bytes(new)) },
                    (None, _) => span.tag.bad { "removed" },
                }
            };
        }
        html! {
            @for change in &row.changes { div { (self.change(&row.commit, change)) } }
            @if row.has_more { div.muted { a href=(self.site.commit(self.place, &row.commit.id)) { "and more" } } }
        }
    }

    fn change(&self, commit: &Commit, change: &PathChange) -> Markup {
        let (sign, class, meaning) = match (change.old, change.new) {
            (None, _) => ("+", "good", "added"),
            (Some(_), None) => ("−", "bad", "removed"),
            (Some(_), Some(_)) => ("±", "", "updated"),
        };
        let name = shown_cut(change.path.as_str(), PATH_CHARS);
        html! {
            span class=(format!("tag mono {class}")) aria-hidden="true" { (sign) } span.sr { (meaning) } " "
            @if change.new.is_some() { a href=(self.site.module(&self.place.at(commit.id), &change.path)) { (name) } }
            @else { del { (name) } }
        }
    }
}

/// Returns what the trailers and parents of a commit say about it.
pub(super) fn badges(commit: &Commit) -> Markup {
    html! {
        @if commit.parents.len() > 1 { " " span.tag { "merge" } }
        @if commit.trailer("Restores").is_some() { " " span.tag.warn { "rollback" } }
        @if commit.is_signed { " " span.tag title="The commit has a signature, which is not checked here" { "signed" } }
        @if commit.trailer("Squashed").is_some() { " " span.tag.warn { "squashed by gc" } }
    }
}

/// Returns the path of a module, if a path is that of one.
pub fn module_path(path: &TreePath) -> Option<ModulePath> {
    ModulePath::try_from(path.clone()).ok()
}
