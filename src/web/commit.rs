//! The screen of a commit.

use maud::{Markup, html};

use super::actions;
use super::changes::{ChangeRow, Sides, change_table};
use super::format::{counted, date_and_time};
use super::history::badges;
use super::links::{Place, Site, short};
use super::picker::subject;
use super::text::{plain, shown_cut, shown_lines};
use crate::names::{CommitId, TreePath};
use crate::store::Commit;

/// The maximum length of a shown commit message, in characters.
const MESSAGE_CHARS: usize = 20_000;

/// The data of the screen.
pub struct CommitPage<'c> {
    /// The server, and the rights of the client.
    pub site: &'c Site,
    /// The branch from which the user followed a link to the commit.
    pub place: &'c Place,
    /// The commit that the page shows.
    pub commit: &'c Commit,
    /// The previous tip of the branch, if the user has just fast-forwarded the branch to this commit.
    pub forwarded_from: Option<CommitId>,
    /// The modules that differ from the first parent of the commit, on this page of the list.
    pub rows: &'c [ChangeRow],
    /// The URL of the next page of the list; `None` on the last page.
    pub next: Option<String>,
}

impl CommitPage<'_> {
    /// Returns the title of the page.
    pub fn title(&self) -> String {
        plain(subject(&self.commit.message), 80)
    }

    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        let Self { site, commit, .. } = self;
        let root = TreePath::root();
        let at = self.place.at(commit.id);
        html! {
            div.head {
                div {
                    h1 { (shown_cut(subject(&commit.message), 200)) }
                    div.what { span.tag.mono { (short(&commit.id)) } (badges(commit)) }
                }
                div.actions {
                    a.button href=(site.tree(&at, &root)) { "All modules at this commit" }
                    a.button href=(site.history(&at, &root)) { "History up to here" }
                    @if let Some(parent) = commit.parents.first() {
                        a.button href=(site.compare(&parent.to_string(), &commit.id.to_string(), &root)) { "Compare with the parent" }
                    }
                    (actions::of_commit(site, self.place, &commit.id))
                }
            }
            (self.forwarded())
            div.card { (self.facts()) }
            h2 { (counted(self.rows.len(), "module", "modules")) " changed" @if self.next.is_some() { " on this page" } }
            @if self.rows.is_empty() { div.card.empty { p { "This commit changes no module." } } }
            @else {
                (change_table(&Sides { site, place: self.place, old: commit.parents.first().copied(), new: commit.id }, self.rows))
            }
            @if let Some(next) = &self.next { div.pages { span {} a.button href=(next) rel="next" { "Next" } } }
        }
    }

    /// Renders a note that says how to undo a fast-forward as a whole. A rollback would undo only one of its commits.
    fn forwarded(&self) -> Markup {
        let (site, place) = (self.site, self.place);
        let Some((from, branch)) = self.forwarded_from.zip(place.branch.as_ref()) else {
            return html! {};
        };
        let root = TreePath::root();
        html! {
            p.note {
                span {
                    strong { (shown_cut(branch.as_str(), 120)) } " was moved forward to this commit, from "
                    a.mono href=(site.commit(place, &from)) { (short(&from)) }
                    ". A rollback undoes one commit; to undo all that the merge brought, restore everything as it was before."
                }
                a href=(site.compare(&from.to_string(), &self.commit.id.to_string(), &root)) { "All changes" }
                @if site.rights.post { a href=(site.restore(branch, &from, &root)) { "Undo the merge…" } }
            }
        }
    }

    fn facts(&self) -> Markup {
        let commit = self.commit;
        let message: String = commit.message.chars().take(MESSAGE_CHARS).collect();
        let mail = if commit.mail.is_empty() {
            String::new()
        } else {
            format!(" <{}>", commit.mail)
        };
        html! {
            @if message.lines().count() > 1 { p.message { (shown_lines(&message)) } }
            dl.facts {
                dt { "Author" } dd { (shown_cut(&commit.author, 200)) (shown_cut(&mail, 200)) }
                dt { "Time" } dd {
                    @match date_and_time(commit.date_s) {
                        Some((date, time)) => { (date) " " (time) " UTC" },
                        None => { "second " (commit.date_s) },
                    }
                }
                dt { "Commit" } dd.mono { (commit.id) }
                @for parent in commit.parents.iter().take(64) {
                    dt { "Parent" } dd { a.mono href=(self.site.commit(self.place, parent)) { (parent) } }
                }
            }
        }
    }
}
