//! The screen with the list of branches, and the screen that previews a merge.

use maud::{Markup, html};

use super::changes::{ChangeRow, Sides, change_table, verdict_label, verdict_of};
use super::format::{count, counted, time};
use super::links::{Place, Site, short};
use super::picker::subject;
use super::text::{shown, shown_cut};
use crate::names::{BranchName, TreePath};
use crate::store::{
    BranchRelation, Commit, CommitCount, Compatibility, MergeOutcome, MergePreview,
};

/// The maximum number of conflicting paths that are listed.
const CONFLICTS_MAX: usize = 500;

/// A branch in the list.
pub struct BranchRow {
    /// The name of the branch.
    pub name: BranchName,
    /// The newest commit of the branch; `None` if it has no commit.
    pub tip: Option<Commit>,
    /// How far this branch and the default branch have diverged. `None` for the default branch itself, and if there was no time to count
    /// the commits.
    pub relation: Option<BranchRelation>,
}

/// The data of the screen with the list of branches.
pub struct BranchList<'b> {
    /// The server, and the rights of the client.
    pub site: &'b Site,
    /// The default branch, with which the others are compared.
    pub base: &'b BranchName,
    /// The branches on this page of the list.
    pub rows: &'b [BranchRow],
    /// The number of branches on all pages of the list.
    pub total: usize,
    /// The URL of the next page; `None` on the last page.
    pub next: Option<String>,
}

impl BranchList<'_> {
    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        html! {
            div.head {
                div {
                    h1 { "Branches" }
                    div.what { span.muted { (counted(self.total, "branch", "branches")) ", compared with " strong { (shown_cut(self.base.as_str(), 60)) } } }
                }
                div.actions {
                    @if self.site.rights.post { a.button.primary href=(self.site.new_branch("")) { "New branch" } }
                    a.button href=(self.site.tags()) { "Tags" }
                }
            }
            div.card.flush {
                div.scroll {
                    table {
                        caption.sr { "Branches" }
                        thead {
                            tr {
                                th scope="col" { "Branch" }
                                th.num scope="col" { "Ahead" }
                                th.num scope="col" { "Behind" }
                                th.wide scope="col" { "Newest commit" }
                                th scope="col" { "Compare" }
                            }
                        }
                        tbody { @for row in self.rows { (self.row(row)) } }
                    }
                }
            }
            @if let Some(next) = &self.next { div.pages { span {} a.button href=(next) rel="next" { "Next" } } }
        }
    }

    fn row(&self, row: &BranchRow) -> Markup {
        let (site, place) = (self.site, Place::branch(row.name.clone()));
        let root = TreePath::root();
        html! {
            tr {
                th scope="row" {
                    div.entry { a href=(site.tree(&place, &root)) { (shown_cut(row.name.as_str(), 120)) } }
                    @if row.name.as_str() == site.default_branch { span.tag.component { "default" } }
                }
                @match &row.relation {
                    Some(relation) => {
                        td.num { (capped(relation.ahead)) }
                        td.num { (capped(relation.behind)) }
                    },
                    None => { td.num.muted { "–" } td.num.muted { "–" } },
                }
                td.wide {
                    @if let Some(tip) = &row.tip {
                        a href=(site.commit(&place, &tip.id)) { (shown_cut(subject(&tip.message), 80)) }
                        div.small.muted { (time(tip.date_s)) " by " (shown_cut(&tip.author, 40)) }
                    }
                }
                td {
                    div.actions {
                        @if row.name != *self.base {
                            a href=(site.compare(self.base.as_str(), row.name.as_str(), &root)) { "Differences" }
                            @if row.relation.is_none_or(|relation| relation.ahead != CommitCount::default()) {
                                a href=(site.merge_preview(row.name.as_str(), self.base.as_str())) { "Merge…" }
                            }
                            @if site.rights.put && row.tip.is_some() && row.name.as_str() != site.default_branch {
                                a href=(site.default_branch_form(&row.name)) { "Make default…" }
                            }
                            @if site.rights.delete && row.name.as_str() != site.default_branch {
                                a href=(site.delete_branch(&row.name)) { "Delete…" }
                            }
                        }
                        @if site.rights.post && row.tip.is_some() { a href=(site.new_tag(row.name.as_str())) { "Tag…" } }
                    }
                }
            }
        }
    }
}

/// Returns a number of commits as text: `12`; or `12+` if counting stopped after 12 commits; or a dash if counting stopped before the first
/// commit.
fn capped(commits: CommitCount) -> String {
    match (commits.count, commits.has_more) {
        (0, true) => "–".to_owned(),
        (number, true) => format!("{}+", count(number as u64)),
        (number, false) => count(number as u64),
    }
}

/// The data of the screen that previews a merge.
pub struct MergePage<'m> {
    /// The server, and the rights of the client.
    pub site: &'m Site,
    /// The branch that would change.
    pub into: &'m BranchName,
    /// The branch that would be merged.
    pub from: &'m BranchName,
    /// The preview of the merge: the changes that it would make, or its conflicts.
    pub preview: &'m MergePreview,
    /// Some of the modules that the merge would change, each with a verdict: whether the new module can replace the old one.
    pub rows: &'m [ChangeRow],
    /// The number of all modules that would change.
    pub total: usize,
    /// The form that makes the merge; `None` if the client has no right to merge, or there is nothing to merge.
    pub form: Option<Markup>,
}

impl MergePage<'_> {
    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        let (site, preview) = (self.site, self.preview);
        let place = Place::branch(self.into.clone());
        let sides = Sides {
            site,
            place: &place,
            old: Some(preview.ours),
            new: preview.theirs,
        };
        html! {
            div.head {
                div {
                    h1 { "Merge " (shown(self.from.as_str())) " into " (shown(self.into.as_str())) }
                    p.small.muted {
                        a.mono href=(site.commit(&Place::branch(self.from.clone()), &preview.theirs)) { (short(&preview.theirs)) }
                        " into " a.mono href=(site.commit(&place, &preview.ours)) { (short(&preview.ours)) }
                    }
                }
                div.actions {
                    a.button href=(site.compare(self.into.as_str(), self.from.as_str(), &TreePath::root())) { "Compare the branches" }
                    a.button href=(site.branches()) { "All branches" }
                }
            }
            (self.outcome())
            @if let Some(form) = &self.form { (form) }
            @if !self.rows.is_empty() {
                h2 { "What changes in " (shown(self.into.as_str())) }
                (change_table(&sides, self.rows))
                @if self.total > self.rows.len() { p.small.muted { "and " (count((self.total - self.rows.len()) as u64)) " more" } }
            }
        }
    }

    fn outcome(&self) -> Markup {
        match &self.preview.outcome {
            MergeOutcome::Contained => html! {
                p.note { "There is nothing to merge: " strong { (shown(self.into.as_str())) } " contains every commit of " strong { (shown(self.from.as_str())) } "." }
            },
            MergeOutcome::FastForward(_) => html! {
                p class=(self.note()) { "A merge moves the branch to the newest commit, without a commit of its own, unless you ask for one." (self.verdict()) }
            },
            MergeOutcome::Merged(_) => html! {
                p class=(self.note()) { "A merge makes one commit." (self.verdict()) }
            },
            MergeOutcome::Conflict(paths) => html! {
                div.card {
                    h2 { (counted(paths.len(), "conflict", "conflicts")) }
                    p { "Both branches changed these modules differently. Change one side to what the other has, and merge then." }
                    ul {
                        @for path in paths.iter().take(CONFLICTS_MAX) {
                            li { a href=(self.conflict_url(path)) { (shown_cut(path, 300)) } }
                        }
                    }
                    @if paths.len() > CONFLICTS_MAX { p.small.muted { "and " (count((paths.len() - CONFLICTS_MAX) as u64)) " more" } }
                }
            },
        }
    }

    /// Returns the CSS classes of the note about the merge.
    fn note(&self) -> &'static str {
        match self.compatibility() {
            Some(Compatibility::Breaking) => "note bad",
            _ => "note",
        }
    }

    fn compatibility(&self) -> Option<Compatibility> {
        verdict_of(self.rows, self.total == self.rows.len())
    }

    fn verdict(&self) -> Markup {
        let verdict = self.compatibility();
        html! { @if self.total > 0 && let Some(verdict) = verdict { (verdict_label(verdict)) } }
    }

    fn conflict_url(&self, path: &str) -> String {
        let path = TreePath::parse(path).unwrap_or_default();
        self.site
            .compare(self.into.as_str(), self.from.as_str(), &path)
    }
}
