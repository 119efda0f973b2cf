//! The screen of the history of a branch, a directory or a module.

use maud::{Markup, html};

use super::format::{bytes, bytes_change, time};
use super::lanes::{LaneRow, lane_row};
use super::links::{Place, Site, short};
use super::picker::{Branches, commit_note, crumbs, live_bar, picker, subject};
use super::text::{plain, shown_cut};
use crate::names::{ModulePath, TreePath};
use crate::store::{Commit, PathChange};

/// The maximum length of a shown path, in characters.
const PATH_CHARS: usize = 70;

/// A commit in the history.
pub struct HistoryRow {
    /// The commit of this row.
    pub commit: Commit,
    /// The part of the graph in this row; `None` in the history of a path, which has no graph.
    pub lanes: Option<LaneRow>,
    /// The first modules that the commit changed; there may be more.
    pub changes: Vec<PathChange>,
    /// Whether the commit changed more modules than `changes` contains.
    pub has_more: bool,
    /// `None` unless the page shows the history of one module. Then the sizes of the module after and before the commit, in bytes; a size
    /// is `None` if the path had no module.
    pub sizes: Option<(Option<u64>, Option<u64>)>,
    /// The names of the branches whose tip is this commit.
    pub branches: Vec<String>,
}

/// The data of the page with the history of a branch, directory or module.
pub struct History<'h> {
    /// The server, and the rights of the client.
    pub site: &'h Site,
    /// The branch or commit whose history the page shows.
    pub place: &'h Place,
    /// The path to which the history is restricted; the root for the whole history.
    pub path: &'h TreePath,
    /// The newest commit of the history that the page shows.
    pub commit: Option<&'h Commit>,
    /// The URL of this page at the tip of the branch, if the branch has a commit. Used only if the history begins at an older commit.
    pub newest: Option<String>,
    /// The branches that the user can select.
    pub branches: &'h Branches,
    /// The commits on this page of the list, newest first.
    pub rows: &'h [HistoryRow],
    /// The URL of the next page of the list; `None` on the last page.
    pub next: Option<String>,
    /// Whether this is the first page of the list.
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

    /// Renders the content of the page, without its frame.
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
        // The form compares the newest commit with the commit before it, unless the user selects other commits.
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

/// Renders small labels that say whether a commit is a merge, a rollback, signed, or squashed by gc.
pub(super) fn badges(commit: &Commit) -> Markup {
    html! {
        @if commit.parents.len() > 1 { " " span.tag { "merge" } }
        @if commit.trailer("Restores").is_some() { " " span.tag.warn { "rollback" } }
        @if commit.is_signed { " " span.tag title="The commit has a signature, which is not checked here" { "signed" } }
        @if commit.trailer("Squashed").is_some() { " " span.tag.warn { "squashed by gc" } }
    }
}

/// Converts a path to the path of a module; `None` if no module can have this path.
pub fn module_path(path: &TreePath) -> Option<ModulePath> {
    ModulePath::try_from(path.clone()).ok()
}
