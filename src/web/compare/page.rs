//! The page of a comparison: the form that selects the two sides, the verdict, and the differences.

use maud::{Markup, html};

use super::details;
use crate::names::TreePath;
use crate::store::{Commit, Compatibility, ModuleComparison, SizeChanges};
use crate::web::changes::{ChangeRow, Sides, change_table, verdict_of};
use crate::web::format::{counted, time};
use crate::web::links::{Place, Site, short};
use crate::web::picker::{Branches, subject};
use crate::web::text::{plain, shown, shown_cut};

/// One side of a comparison.
pub struct Side {
    /// The branch or commit, as it is written in the URL.
    pub text: String,
    /// The commit to which `text` resolved.
    pub commit: Commit,
}

/// The differences between the two sides.
pub enum Compared {
    /// The path is a module on both sides: the differences between the two modules, and between the sizes of their parts.
    Module(Box<ModuleComparison>, SizeChanges),
    /// The modules below the path that differ between the two sides, on this page of the list, and the URL of the next page.
    Paths(Vec<ChangeRow>, Option<String>),
}

/// The data of the page that compares two branches or commits.
pub struct ComparePage<'c> {
    /// The server, and the rights of the client.
    pub site: &'c Site,
    /// The branch from which the user followed a link to the comparison.
    pub place: &'c Place,
    /// The branches that the form suggests.
    pub branches: &'c Branches,
    /// The values of the form fields: the older side, the newer side, and the path.
    pub fields: (&'c str, &'c str, &'c str),
    /// The path to which the comparison is restricted; the root compares everything.
    pub path: &'c TreePath,
    /// Whether this is the first page of the list of differences.
    pub is_first: bool,
    /// The older side, the newer side, and the differences; `None` if the user has not selected two sides yet.
    pub result: Option<(&'c Side, &'c Side, &'c Compared)>,
}

impl ComparePage<'_> {
    /// Returns the title of the page.
    pub fn title(&self) -> String {
        match self.result {
            Some((from, to, _)) => {
                let name = |side: &Side| plain(&shortened(&side.text), 40);
                format!("{} and {} compared", name(from), name(to))
            }
            None => "Compare".to_owned(),
        }
    }

    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        html! {
            div.head {
                div {
                    h1 { "Compare" @if !self.path.is_root() { " " (shown_cut(self.path.as_str(), 200)) } }
                    @if let Some((from, to, _)) = self.result { (side("Older", self, from)) (side("Newer", self, to)) }
                }
            }
            (self.form())
            @match self.result {
                None => p.muted { "Select two branches or commits. A path limits the comparison to a module or directory." },
                Some((from, to, compared)) => {
                    @match compared {
                        Compared::Module(comparison, sizes) => (details::module(comparison, sizes)),
                        Compared::Paths(rows, next) => {
                            (self.merge_note(from, to))
                            (self.paths(from, to, rows, next.as_deref()))
                        }
                    }
                }
            }
        }
    }

    fn form(&self) -> Markup {
        let (from, to, path) = self.fields;
        html! {
            form.card.actions method="get" action=(self.site.compare_form()) {
                datalist #revisions { @for branch in self.branches.0.iter().take(200) { option value=(branch) {} } }
                div.field { label for="compare-from" { "Older: branch or commit" } input #compare-from name="from" value=(from) list="revisions" required spellcheck="false" autocomplete="off"; }
                div.field { label for="compare-to" { "Newer: branch or commit" } input #compare-to name="to" value=(to) list="revisions" required spellcheck="false" autocomplete="off"; }
                div.field { label for="compare-path" { "Path (everything if empty)" } input #compare-path name="path" value=(path) spellcheck="false" autocomplete="off"; }
                div.field { span.label aria-hidden="true" { " " } button.primary { "Compare" } }
                @if !from.is_empty() && !to.is_empty() {
                    a href=(self.site.compare(to, from, self.path)) { "Swap" }
                }
            }
        }
    }

    /// Renders a note that comparing two branches is not the same as merging them, with a link to the preview of the merge.
    fn merge_note(&self, from: &Side, to: &Side) -> Markup {
        let are_branches = [from, to].iter().all(|side| {
            self.branches
                .0
                .iter()
                .any(|branch| branch.as_str() == side.text)
        });
        html! {
            @if are_branches && self.path.is_root() && self.site.rights.post {
                p.note {
                    "This compares the two branches as they are: modules that only " strong { (shown(&from.text)) } " has are shown as removed."
                    a href=(self.site.merge_preview(&to.text, &from.text)) { "See what a merge would change" }
                }
            }
        }
    }

    /// Returns whether the page lists all differences: it is the first page, and there is no next page.
    fn is_all(&self, next: Option<&str>) -> bool {
        next.is_none() && self.is_first
    }

    fn paths(&self, from: &Side, to: &Side, rows: &[ChangeRow], next: Option<&str>) -> Markup {
        let sides = Sides {
            site: self.site,
            place: self.place,
            old: Some(from.commit.id),
            new: to.commit.id,
        };
        let all = self.is_all(next);
        html! {
            (details::verdict(verdict_of(rows, all), &what_it_means(rows, all)))
            @if !rows.is_empty() {
                h2 { (counted(rows.len(), "module", "modules")) @if next.is_some() { " on this page" } }
                (change_table(&sides, rows))
            }
            @if let Some(next) = next { div.pages { span {} a.button href=(next) rel="next" { "Next" } } }
        }
    }
}

fn side(name: &str, page: &ComparePage<'_>, side: &Side) -> Markup {
    let commit = &side.commit;
    html! {
        p.small.muted {
            (name) ": "
            @if side.text != commit.id.to_string() { strong { (shown(&side.text)) } ", " }
            a.mono href=(page.site.commit(page.place, &commit.id)) { (short(&commit.id)) }
            ", " (time(commit.date_s)) ", " (shown_cut(&commit.author, 60)) ": " (shown_cut(subject(&commit.message), 90))
        }
    }
}

/// Returns the first digits of a commit id. Returns the name of a branch unchanged.
fn shortened(text: &str) -> String {
    match crate::names::CommitId::parse(text) {
        Ok(commit) => short(&commit),
        Err(_) => text.to_owned(),
    }
}

fn what_it_means(rows: &[ChangeRow], all: bool) -> String {
    let removed = rows.iter().filter(|row| row.new_bytes.is_none()).count();
    let breaking = rows
        .iter()
        .filter(|row| row.verdict == Some(Compatibility::Breaking))
        .count();
    let unknown = { rows.iter() }
        .filter(|row| row.old_bytes.is_some() && row.new_bytes.is_some() && row.verdict.is_none())
        .count();
    let mut parts = Vec::new();
    if breaking > 0 {
        parts.push(counted(
            breaking,
            "module breaks its users",
            "modules break their users",
        ));
    }
    if removed > 0 {
        parts.push(counted(removed, "module is gone", "modules are gone"));
    }
    if unknown > 0 {
        parts.push(counted(
            unknown,
            "module was not compared: invalid, or over the page's time or size limit",
            "modules were not compared: invalid, or over the page's time or size limit",
        ));
    }
    if !all {
        parts.push("modules on other pages are not counted here".to_owned());
    }
    match (parts.is_empty(), rows.is_empty()) {
        (false, _) => parts.join("; "),
        (true, true) => "Nothing differs.".to_owned(),
        (true, false) => {
            "Everything that used the older modules can use the newer ones.".to_owned()
        }
    }
}
