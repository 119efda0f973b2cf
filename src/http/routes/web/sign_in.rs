//! Handlers for signing in and out.

use std::time::SystemTime;

use axum::extract::{Extension, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::form::Form;
use super::form_page::respond_with_open_form;
use super::screen::{Screen, redirect};
use super::visitor::Visitor;
use crate::http::base_path::BasePath;
use crate::http::error::{Failure, Result};
use crate::http::extract::QueryParams;
use crate::http::middleware::auth::BEARER;
use crate::http::middleware::client_address::ClientAddress;
use crate::http::site::site_of_links;
use crate::http::state::App;
use crate::web::sign_in::{SignInPage, SignInReason, no_keys, sign_out};
use crate::web::{Place, Site};

/// The query parameters of the page for signing in.
#[derive(Deserialize)]
pub(super) struct LoginQuery {
    /// The path and query of the page to which the user is sent after signing in.
    #[serde(default)]
    next: String,
    /// The reason why the page for signing in is shown.
    #[serde(default)]
    why: Why,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Why {
    #[default]
    Asked,
    /// The session has ended.
    Ended,
    /// The user has just signed in. If the browser kept the session cookie, the user is redirected to the next page; otherwise this page
    /// says that the browser did not keep the cookie.
    Begun,
    /// The user has just signed out.
    Out,
}

/// Shows the form for signing in.
pub(super) async fn login(
    screen: Screen,
    visitor: Visitor,
    QueryParams(query): QueryParams<LoginQuery>,
) -> Result<Response> {
    let next = local(&screen.app.base_path, &query.next);
    let reason = match query.why {
        Why::Begun if visitor.has_session() => return Ok(redirect(&next)),
        Why::Begun => SignInReason::NotKept,
        Why::Asked => SignInReason::Asked,
        Why::Ended => SignInReason::Ended,
        Why::Out => SignInReason::SignedOut,
    };
    show(screen, &visitor, next, reason)
}

/// Checks the API key in the form. If it is right, begins a session.
pub(super) async fn begin(
    State(app): State<App>,
    client: Option<Extension<ClientAddress>>,
    screen: Screen,
    form: Form,
) -> Result<Response> {
    let next = local(
        &app.base_path,
        form.fields.optional("next")?.unwrap_or_default(),
    );
    let Some(keys) = &app.access.keys else {
        return Ok(redirect(&next));
    };
    let key = form.fields.typed("key")?.unwrap_or_default();
    let client = client.map(|Extension(client)| client);
    if let Err(failure) = keys.check_typed_key(key.as_bytes(), client) {
        return refuse(screen, &form.visitor, next, failure);
    }
    let session = app.sessions.begin(key.as_bytes(), SystemTime::now());
    let site = site_of_links(&app.base_path);
    // Redirects to the sign-in page, which checks whether the browser kept the cookie.
    let login = Site::and(&site.login(&next), "why", "begun");
    let mut response = redirect(&login);
    let cookie = form.visitor.begin(&session);
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// Shows the form again, with the reason why the API key was refused.
fn refuse(screen: Screen, visitor: &Visitor, next: String, failure: Failure) -> Result<Response> {
    let refusal = failure.clone().into_response();
    let detail = match refusal.status() {
        StatusCode::UNAUTHORIZED => "This is not a key of this server.".to_owned(),
        _ => format!("{failure}."),
    };
    let mut response = show(screen, visitor, next, SignInReason::Refused(detail))?;
    *response.status_mut() = refusal.status();
    let headers = response.headers_mut();
    if refusal.status() == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(BEARER));
    }
    if let Some(wait) = refusal.headers().get(RETRY_AFTER) {
        headers.insert(RETRY_AFTER, wait.clone());
    }
    Ok(response)
}

fn show(
    mut screen: Screen,
    visitor: &Visitor,
    next: String,
    reason: SignInReason,
) -> Result<Response> {
    let has_keys = screen.app.access.keys.is_some();
    // Shows nothing about the store, not even the name of the default branch, because the client has sent no API key.
    screen.place = Place {
        branch: None,
        commit: None,
    };
    respond_with_open_form(&screen, visitor, "Sign in", |site, context| {
        if !has_keys {
            return no_keys(site);
        }
        let page = SignInPage {
            site,
            token: &context.token,
            next: &next,
            reason,
        };
        page.render()
    })
}

/// Redirects to the next page. A client that gets here has sent the API key with HTTP Basic.
pub(super) async fn basic(
    State(app): State<App>,
    QueryParams(query): QueryParams<LoginQuery>,
) -> Response {
    redirect(&local(&app.base_path, &query.next))
}

/// Shows the form for signing out.
pub(super) async fn logout(screen: Screen, visitor: Visitor) -> Result<Response> {
    let has_session = visitor.has_session();
    respond_with_open_form(&screen, &visitor, "Sign out", |site, context| {
        sign_out(site, &context.token, has_session)
    })
}

/// Ends the session on the server, so that copies of its cookie are invalid too.
pub(super) async fn end(State(app): State<App>, form: Form) -> Response {
    if let Some(session) = form.visitor.session() {
        app.sessions.end(session, SystemTime::now());
    }
    let login = Site::and(&site_of_links(&app.base_path).login(""), "why", "out");
    let mut response = redirect(&login);
    let cookie = form.visitor.end();
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

/// Returns `next` if it is the path and query of a page of this server, otherwise the path of the first page. So a malicious link to the
/// sign-in page cannot send the user to another site after signing in.
fn local(base_path: &BasePath, next: &str) -> String {
    let first = base_path.join("/");
    let is_plain = |c: char| c.is_ascii_graphic() && c != '\\';
    let is_local =
        next.starts_with(&first) && !next.starts_with("//") && next.chars().all(is_plain);
    if is_local { next.to_owned() } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_one_of_this_server() {
        for (base, next, expected) in [
            ("/", "/ui/tree?branch=a%2Fb", "/ui/tree?branch=a%2Fb"),
            ("/", "", "/"),
            ("/", "//evil.example/", "/"),
            ("/", "/\\evil.example/", "/"),
            ("/", "https://evil.example/", "/"),
            ("/", "/ui\r\nSet-Cookie: a", "/"),
            ("/ws", "/ui/tree", "/ws/"),
            ("/ws", "/ws/ui/tree", "/ws/ui/tree"),
        ] {
            let base_path = base.parse().unwrap();
            assert_eq!(local(&base_path, next), expected, "{base} {next}");
        }
    }
}
