//! The pages with a form that changes something: each says what it will do.

use maud::{Markup, html};

use super::links::Site;
use super::text::{plain, shown_cut};

/// The most characters of a name in a sentence.
const NAME_CHARS: usize = 200;

/// A page with a form that changes something.
pub struct ChangeForm<'f> {
    /// The server and the client.
    pub site: &'f Site,
    /// The token of the form.
    pub token: &'f str,
    /// The author that the key requires.
    pub fixed_author: Option<&'f str>,
    /// What the form does, as a heading.
    pub title: &'f str,
    /// What it will do, in sentences.
    pub explanation: Markup,
    /// The path that the form is sent to, below the base path.
    pub action: &'f str,
    /// The fields that the user does not see.
    pub hidden: &'f [(&'f str, String)],
    /// The fields that the user fills in.
    pub fields: Markup,
    /// What kind of change it is.
    pub kind: ChangeKind<'f>,
    /// The text of the button.
    pub button: &'f str,
    /// The URL of the page to return to.
    pub back: &'f str,
}

/// What a form changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind<'f> {
    /// It makes a commit, with this message by default.
    Commit(&'f str),
    /// It creates a branch.
    Branch,
    /// It deletes a branch, and with it perhaps history.
    Deletion,
}

impl ChangeForm<'_> {
    /// Renders the content.
    pub fn render(&self) -> Markup {
        html! {
            div.head { div { h1 { (self.title) } } }
            (self.form())
        }
    }

    /// Renders the form alone, for a page that has a heading.
    pub fn form(&self) -> Markup {
        let class = match self.kind {
            ChangeKind::Deletion => "danger",
            ChangeKind::Commit(_) | ChangeKind::Branch => "primary",
        };
        html! {
            form.card.form method="post" action=(format!("{}{}", self.site.base, self.action)) {
                input type="hidden" name="token" value=(self.token);
                @for (name, value) in self.hidden { input type="hidden" name=(name) value=(value); }
                (self.explanation)
                (self.fields)
                @if let ChangeKind::Commit(message) = self.kind { (commit_fields(self.fixed_author, message)) }
                div.actions {
                    button class=(class) { (self.button) }
                    a.button href=(self.back) { "Cancel" }
                }
            }
        }
    }
}

/// Renders the fields for the message and the author of a commit.
pub(super) fn commit_fields(fixed_author: Option<&str>, message: &str) -> Markup {
    html! {
        div.field {
            label for="message" { "Message (optional)" }
            textarea #message name="message" rows="2" placeholder=(plain(message, NAME_CHARS)) {}
        }
        @if let Some(author) = fixed_author {
            p.muted.small { "The author of the commit is " (shown_cut(author, NAME_CHARS)) ", because the key says so." }
        } @else {
            div.field {
                label for="author" { "Author (optional), as Name <mail>" }
                input #author name="author" autocomplete="off" placeholder="wasmstore <wasmstore@localhost>";
            }
        }
    }
}

/// Renders a field with one line of text.
pub fn text_field(name: &str, label: &str, value: &str, is_required: bool) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) value=(value) required[is_required] autocomplete="off" spellcheck="false";
        }
    }
}

/// Renders a name in a sentence.
pub fn name(text: &str) -> Markup {
    html! { strong.mono { (shown_cut(text, NAME_CHARS)) } }
}
