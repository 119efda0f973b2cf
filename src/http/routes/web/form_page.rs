//! Responds with pages that have a form.

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

/// The values that every form needs: the token, and the author that the API key requires.
pub(super) struct FormContext {
    pub token: String,
    pub fixed_author: Option<String>,
}

impl FormContext {
    /// Returns the values that the forms on a visitor's pages need.
    pub fn of(visitor: &Visitor) -> Self {
        Self {
            token: visitor.token().as_str().to_owned(),
            fixed_author: visitor.fixed_author().map(ToString::to_string),
        }
    }

    /// Returns the author that the API key requires; `None` if the user may choose the author.
    pub fn fixed_author(&self) -> Option<&str> {
        self.fixed_author.as_deref()
    }
}

/// Responds with a page that has a form. Forbids the browser to store the page, because the token in the form is no longer valid when the
/// session has ended.
pub(super) async fn respond_with_form(
    screen: Screen,
    visitor: &Visitor,
    title: &'static str,
    render: impl Fn(&Store, &Site, &FormContext) -> Result<Markup> + Send + 'static,
) -> Result<Response> {
    respond_with_large_form(screen, (visitor, 0), title, render).await
}

/// Responds like [`respond_with_form`]. Charges `bytes` bytes of memory in addition to the memory for the page.
pub(super) async fn respond_with_large_form(
    screen: Screen,
    (visitor, bytes): (&Visitor, u64),
    title: &'static str,
    render: impl Fn(&Store, &Site, &FormContext) -> Result<Markup> + Send + 'static,
) -> Result<Response> {
    let context = FormContext::of(visitor);
    let response = screen.respond_without_commit(bytes, move |store, screen| {
        Ok(Answer::Page(Content {
            title: title.to_owned(),
            section: Section::Other,
            query: String::new(),
            markup: render(store, &screen.site, &context)?,
            is_cacheable: false,
        }))
    });
    Ok(visitor.with_form(response.await?))
}

/// Responds with a page that has a form and that clients without an API key may see.
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
        is_cacheable: false,
    });
    Ok(visitor.with_form(response?))
}

/// Checks that the API key allows the method that a form needs, and that this server accepts changes.
///
/// # Errors
/// 403 if the API key does not allow the method, or if this server is a replica.
pub(super) fn require(app: &App, visitor: &Visitor, method: &Method) -> Result<()> {
    if app.is_replica() {
        let detail = "this server is a replica: make changes on its primary";
        return Err(Failure::new(StatusCode::FORBIDDEN, detail));
    }
    visitor.require(method)
}

/// Responds to a form whose change was made: redirects to the new commit, or to the branch if there is no new commit. Because of the
/// redirect, reloading the next page does not send the form again.
pub(super) fn done(app: &App, branch: &BranchName, commit: Option<CommitId>) -> Response {
    let site = site_of_links(&app.base_path);
    let place = Place::branch(branch.clone());
    let root = crate::names::TreePath::root();
    redirect(&match commit {
        Some(commit) => site.commit(&place, &commit),
        None => site.tree(&place, &root),
    })
}
