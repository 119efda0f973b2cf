//! The screen of the tags.

use maud::{Markup, html};

use super::format::time;
use super::links::{Place, Site, short};
use super::picker::subject;
use super::text::{shown_cut, shown_lines};
use crate::names::TreePath;
use crate::store::Tag;

/// The maximum length of a shown message, in characters.
const MESSAGE_CHARS: usize = 500;

/// The data of the page with the list of tags.
pub struct TagList<'t> {
    /// The server, and the rights of the client.
    pub site: &'t Site,
    /// The tags on this page of the list.
    pub tags: &'t [Tag],
    /// The URL of the next page; `None` on the last page.
    pub next: Option<String>,
}

impl TagList<'_> {
    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        let site = self.site;
        html! {
            div.head {
                div {
                    h1 { "Tags" }
                    div.what { span.muted { "Names of commits, which stay where they are. git clients see them, too." } }
                }
                div.actions {
                    @if site.rights.post { a.button.primary href=(site.new_tag("")) { "New tag" } }
                    a.button href=(site.branches()) { "Branches" }
                }
            }
            @if self.tags.is_empty() { div.card.empty { p { "There are no tags here." } } }
            @else { div.card.flush { div.scroll { (self.table()) } } }
            @if let Some(next) = &self.next { div.pages { span {} a.button href=(next) rel="next" { "Next" } } }
        }
    }

    fn table(&self) -> Markup {
        html! {
            table {
                caption.sr { "Tags" }
                thead {
                    tr {
                        th scope="col" { "Tag" }
                        th scope="col" { "Commit" }
                        th.wide scope="col" { "Made" }
                        @if self.site.rights.post || self.site.rights.delete { th scope="col" { "Change" } }
                    }
                }
                tbody { @for tag in self.tags { (self.row(tag)) } }
            }
        }
    }

    fn row(&self, tag: &Tag) -> Markup {
        let site = self.site;
        let place = Place {
            branch: None,
            commit: Some(tag.commit),
        };
        html! {
            tr {
                th scope="row" {
                    div.entry { a href=(site.tree(&place, &TreePath::root())) { (shown_cut(tag.name.as_str(), 120)) } }
                    @if tag.is_annotated { span.tag { "annotated" } }
                }
                td {
                    a.mono href=(site.commit(&place, &tag.commit)) { (short(&tag.commit)) }
                    div.small { (message(tag)) }
                }
                td.wide { span.small.muted { (time(tag.date_s)) " by " (shown_cut(&tag.author, 40)) } }
                @if site.rights.post || site.rights.delete {
                    td {
                        div.actions {
                            @if site.rights.post { a href=(site.new_branch(&tag.commit.to_string())) { "New branch…" } }
                            @if site.rights.delete { a href=(site.delete_tag(&tag.name)) { "Delete…" } }
                        }
                    }
                }
            }
        }
    }
}

/// Renders the message of an annotated tag. For another tag, renders the first line of the commit message.
fn message(tag: &Tag) -> Markup {
    if !tag.is_annotated {
        return html! { span.muted { (shown_cut(subject(&tag.message), 80)) } };
    }
    let cut: String = tag.message.chars().take(MESSAGE_CHARS).collect();
    html! { div.message { (shown_lines(&cut)) @if cut.len() < tag.message.len() { "…" } } }
}
