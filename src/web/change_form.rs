//! The pages with a form that changes something. Each page says what the change will do.

use maud::{Markup, html};

use super::links::Site;
use super::text::{plain, shown_cut};

/// The maximum length of a name in a sentence, in characters.
const NAME_CHARS: usize = 200;

/// A page with a form that changes something.
pub struct ChangeForm<'f> {
    /// The server, and the rights of the client.
    pub site: &'f Site,
    /// The token that protects the form against cross-site requests.
    pub token: &'f str,
    /// The author that the client's API key requires; `None` if the user may choose the author.
    pub fixed_author: Option<&'f str>,
    /// The heading of the page.
    pub title: &'f str,
    /// Sentences that say what the change will do.
    pub explanation: Markup,
    /// The path to which the form is sent, relative to the base path of the server.
    pub action: &'f str,
    /// The hidden fields of the form: names and values.
    pub hidden: &'f [(&'f str, String)],
    /// The markup of the fields that the user fills in.
    pub fields: Markup,
    /// The kind of change. It determines the other fields and the colour of the button.
    pub kind: ChangeKind<'f>,
    /// The label of the button that sends the form.
    pub button: &'f str,
    /// The URL of the page to which "Cancel" leads.
    pub back: &'f str,
}

/// The kind of change that a form makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind<'f> {
    /// The change makes a commit. The text is the default message.
    Commit(&'f str),
    /// The change creates a tag. If the user enters a message, the tag is annotated.
    Tag,
    /// The form has no fields for a message and an author, for example because it creates a branch.
    WithoutCommitFields,
    /// The change deletes a branch or history.
    Deletion,
}

impl ChangeForm<'_> {
    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        html! {
            div.head { div { h1 { (self.title) } } }
            (self.form())
        }
    }

    /// Renders the content of the page, followed by `more` below the form.
    pub fn render_above(&self, more: &Markup) -> Markup {
        html! { (self.render()) (more) }
    }

    /// Renders only the form, for a page that has a heading of its own.
    pub fn form(&self) -> Markup {
        let class = match self.kind {
            ChangeKind::Deletion => "danger",
            ChangeKind::Commit(_) | ChangeKind::Tag | ChangeKind::WithoutCommitFields => "primary",
        };
        html! {
            form.card.form method="post" action=(format!("{}{}", self.site.base, self.action)) {
                input type="hidden" name="token" value=(self.token);
                @for (name, value) in self.hidden { input type="hidden" name=(name) value=(value); }
                (self.explanation)
                (self.fields)
                @match self.kind {
                    ChangeKind::Commit(message) => (commit_fields(self.fixed_author, message)),
                    ChangeKind::Tag => (commit_fields(self.fixed_author, "None: the tag has no date and author of its own")),
                    ChangeKind::WithoutCommitFields | ChangeKind::Deletion => {},
                }
                div.actions {
                    button class=(class) { (self.button) }
                    a.button href=(self.back) { "Cancel" }
                }
            }
        }
    }
}

/// Renders the form fields for the message and the author of a commit.
pub(super) fn commit_fields(fixed_author: Option<&str>, message: &str) -> Markup {
    html! {
        div.field {
            label for="message" { "Message (optional)" }
            textarea #message name="message" rows="2" placeholder=(plain(message, NAME_CHARS)) {}
        }
        @if let Some(author) = fixed_author {
            p.muted.small { "The author is " (shown_cut(author, NAME_CHARS)) ", because the API key requires it." }
        } @else {
            div.field {
                label for="author" { "Author (optional), as Name <mail>" }
                input #author name="author" autocomplete="off" placeholder="wasmstore <wasmstore@localhost>";
            }
        }
    }
}

/// Renders a form field for one line of text.
pub fn text_field(name: &str, label: &str, value: &str, is_required: bool) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) value=(value) required[is_required] autocomplete="off" spellcheck="false";
        }
    }
}

/// Renders a checkbox with a label.
pub fn check_box(name: &str, label: &str) -> Markup {
    html! {
        p { label { input type="checkbox" name=(name) value="true"; " " (label) } }
    }
}

/// Renders a name inside of a sentence.
pub fn name(text: &str) -> Markup {
    html! { strong.mono { (shown_cut(text, NAME_CHARS)) } }
}
