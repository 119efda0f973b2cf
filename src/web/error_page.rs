//! The screen that says why a request failed.

use maud::{Markup, html};

use super::links::{Place, Site};
use super::text::shown_cut;
use crate::names::TreePath;

/// The maximum length of the error text, in characters.
const DETAIL_CHARS: usize = 2000;

/// The data of the screen.
pub struct ErrorPage<'e> {
    /// The server, and the rights of the client.
    pub site: &'e Site,
    /// The branch or commit to which the links on the page lead.
    pub place: &'e Place,
    /// The HTTP status of the response.
    pub status: u16,
    /// The error text, on one line.
    pub detail: &'e str,
    /// The paths that the error is about, such as those of a merge conflict.
    pub paths: &'e [String],
    /// The URL to which the user can return. If a form failed: the page with the form, if it is known. Otherwise: the requested page
    /// itself.
    pub page_before: Option<&'e str>,
    /// Whether the failed request was sent by a form.
    pub is_form: bool,
}

impl ErrorPage<'_> {
    /// Returns the heading, which is also the title of the page.
    pub fn title(&self) -> &'static str {
        match self.status {
            400 => "The request is malformed",
            401 => "A key is needed",
            403 => "This was refused",
            404 => "There is nothing here",
            405 => "This page accepts no forms",
            409 => "The change conflicts with the store",
            410 => "This commit is gone",
            412 => "Somebody else was faster",
            413 => "This is too large",
            429 => "Too many wrong keys",
            500 => "The server failed",
            503 => "The server is busy",
            507 => "The disk of the server is full",
            _ => "The request failed",
        }
    }

    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        html! {
            div.head { div { h1 { (self.title()) } p.muted.small { "Status " (self.status) } } }
            div.card {
                @if !self.detail.is_empty() { p { (shown_cut(self.detail, DETAIL_CHARS)) } }
                @if !self.paths.is_empty() {
                    ul { @for path in self.paths.iter().take(100) { li.mono { (shown_cut(path, 200)) } } }
                }
                p { (self.hint()) }
                div.actions {
                    @match self.page_before {
                        page if self.status == 401 => a.button.primary href=(self.site.login(page.unwrap_or_default())) { "Sign in" },
                        Some(page) if self.is_form => a.button.primary href=(page) { "Back to the form" },
                        _ => {},
                    }
                    a.button href=(self.site.home()) { "All modules" }
                    a.button href=(self.site.branches()) { "Branches" }
                    a.button href=(self.site.history(self.place, &TreePath::root())) { "History" }
                }
            }
        }
    }

    fn hint(&self) -> &'static str {
        match self.status {
            400 => "The link may be cut off. Nothing was changed.",
            401 => "Nothing was changed. What you have uploaded before is kept for a day.",
            403 => "Nothing was changed.",
            404 => {
                "It may have been removed, renamed or never added. The history shows what happened."
            }
            410 => {
                "gc deleted it, because no branch and no tag has it any more. Newer commits are in the history."
            }
            412 => {
                "Another user has changed what this form is about since you opened it. The form changed nothing: go back to see the current state."
            }
            500 => "The log of the server has the reason, under the number of this request.",
            503 | 429 => "Try again in a moment.",
            _ => "Nothing was changed.",
        }
    }
}
