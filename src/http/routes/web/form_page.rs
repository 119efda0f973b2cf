//! Pages with a form.

use axum::http::{Method, StatusCode};
use axum::response::Response;

use super::screen::{Answer, Content, Screen, redirect};
use super::visitor::Visitor;
use crate::http::error::{Failure, Result};
use crate::http::site::site_of_links;
use crate::http::state::App;
use crate::names::{BranchName, CommitId};
use crate::store::Store;
use crate::web::{Markup, Place, Section, Site};

/// What a form contains besides its own fields.
pub(super) struct FormContext {
    pub token: String,
    pub fixed_author: Option<String>,
}

impl FormContext {
    /// Returns the context of the forms of a visitor.
    pub fn of(visitor: &Visitor) -> Self {
        Self {
            token: visitor.token().as_str().to_owned(),
            fixed_author: visitor.fixed_author().map(ToString::to_string),
        }
    }

    /// Returns the author that the key requires.
    pub fn fixed_author(&self) -> Option<&str> {
        self.fixed_author.as_deref()
    }
}

/// Responds with a page that has a form. The browser must not store it, because the token in it ends with the session.
pub(super) async fn respond_with_form(
    screen: Screen,
    visitor: &Visitor,
    title: &'static str,
    render: impl Fn(&Store, &Site, &FormContext) -> Result<Markup> + Send + 'static,
) -> Result<Response> {
    let context = FormContext::of(visitor);
    let response = screen.respond_without_commit(0, move |store, screen| {
        Ok(Answer::Page(Content {
            title: title.to_owned(),
            section: Section::Other,
            query: String::new(),
            markup: render(store, &screen.site, &context)?,
            is_final: false,
        }))
    });
    Ok(visitor.with_form(response.await?))
}

/// Responds with a page for clients without a key that has a form.
pub(super) fn respond_with_open_form(
    screen: &Screen,
    visitor: &Visitor,
    title: &str,
    render: impl FnOnce(&Site, &FormContext) -> Markup,
) -> Result<Response> {
    let response = screen.respond_at_once(Content {
        title: title.to_owned(),
        section: Section::Other,
        query: String::new(),
        markup: render(&screen.site, &FormContext::of(visitor)),
        is_final: false,
    });
    Ok(visitor.with_form(response?))
}

/// Checks that the key allows the method that a form needs, and that this server accepts changes.
///
/// # Errors
/// 403.
pub(super) fn require(app: &App, visitor: &Visitor, method: &Method) -> Result<()> {
    if app.replica.is_some() {
        let detail = "this server is a replica: make changes on its primary";
        return Err(Failure::new(StatusCode::FORBIDDEN, detail));
    }
    visitor.require(method)
}

/// Responds to a form that was carried out: leads to the commit that it has made, or to the branch if it made none. The browser then asks for
/// that page, so that reloading it does not send the form again.
pub(super) fn done(app: &App, branch: &BranchName, commit: Option<CommitId>) -> Response {
    let site = site_of_links(&app.base_path);
    let place = Place::branch(branch.clone());
    let root = crate::names::TreePath::root();
    redirect(&match commit {
        Some(commit) => site.commit(&place, &commit),
        None => site.tree(&place, &root),
    })
}
