//! The pages for signing in and out.

use maud::{DOCTYPE, Markup, html};

use super::links::Site;
use super::text::shown_cut;

/// The reason why the page for signing in is shown. The page has a note about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInReason {
    /// The user opened the page. The page has no note.
    Asked,
    /// The session has ended.
    Ended,
    /// The API key was right, but the browser did not send the session cookie back.
    NotKept,
    /// The API key was refused. The text says why.
    Refused(String),
    /// The user has signed out.
    SignedOut,
}

/// The page with the form for signing in.
pub struct SignInPage<'p> {
    /// The server.
    pub site: &'p Site,
    /// The token that protects the form against cross-site requests.
    pub token: &'p str,
    /// The path and query of the page to which the user is sent after signing in.
    pub next: &'p str,
    /// The reason why the page is shown.
    pub reason: SignInReason,
}

impl SignInPage<'_> {
    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        html! {
            div.head { div { h1 { "Sign in" } } }
            (self.note())
            form.card.form method="post" action=(self.site.login("")) {
                input type="hidden" name="token" value=(self.token);
                input type="hidden" name="next" value=(self.next);
                div.field {
                    label for="key" { "Key" }
                    input #key name="key" type="password" autocomplete="current-password" required autofocus;
                }
                p.muted.small {
                    "Whoever runs this server gives out keys. The browser does not keep the key, only a cookie for a session that ends by itself."
                }
                div.actions {
                    button.primary { "Sign in" }
                    a href=(self.site.login_basic(self.next)) { "Let the browser ask for the key" }
                }
            }
        }
    }

    fn note(&self) -> Markup {
        match &self.reason {
            SignInReason::Asked => html! {},
            SignInReason::Ended => html! {
                p.note.warn role="status" { "Your session has ended. Nothing was changed, and what you have uploaded is kept for a day." }
            },
            SignInReason::NotKept => html! {
                p.note.bad role="alert" {
                    "The key is right, but the browser did not keep the session: it does so only over HTTPS, or if the server runs on this \
                     machine. Let the browser ask for the key instead."
                }
            },
            SignInReason::Refused(reason) => html! {
                p.note.bad role="alert" { (shown_cut(reason, 300)) }
            },
            SignInReason::SignedOut => html! { p.note role="status" { "You have signed out." } },
        }
    }
}

/// Renders the content of the page for a server without API keys.
pub fn no_keys(site: &Site) -> Markup {
    html! {
        div.head { div { h1 { "No key is needed" } } }
        div.card {
            p { "Whoever reaches this server may read and change the store." }
            div.actions { a.button href=(site.home()) { "All modules" } }
        }
    }
}

/// Renders the content of the page for signing out. `has_session` is false if the browser sends the API key itself (HTTP Basic).
pub fn sign_out(site: &Site, token: &str, has_session: bool) -> Markup {
    html! {
        div.head { div { h1 { "Sign out" } } }
        @if has_session {
            form.card.form method="post" action=(site.logout()) {
                input type="hidden" name="token" value=(token);
                p { "This ends the session of this browser." }
                div.actions {
                    button.primary { "Sign out" }
                    a.button href=(site.home()) { "Stay signed in" }
                }
            }
        } @else {
            div.card {
                p { "This browser has no session. If it has asked you for the key itself, it forgets the key when you close all its windows." }
                div.actions { a.button href=(site.home()) { "All modules" } }
            }
        }
    }
}

/// Renders a document that immediately loads a page of this server. A link on another site leads to this document first: the browser does
/// not send the session cookie with that request, but sends it with the request that this document makes.
pub fn open_again(url: &str) -> String {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content=(format!("0; url={url}"));
                title { "wasmstore" }
            }
            body { main { p { a href=(url) { "Open the page" } } } }
        }
    };
    document.into_string()
}
