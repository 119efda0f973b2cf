//! Handlers that run maintenance tasks: garbage collection and verification.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;

use super::form::{Form, change_of};
use super::form_page::{require, respond_with_form};
use super::screen::{Screen, redirect};
use super::visitor::Visitor;
use crate::http::error::Result;
use crate::http::site::site_of_links;
use crate::http::state::App;
use crate::store::{History, Revision};
use crate::web::change_form::{ChangeForm, ChangeKind};
use crate::web::change_texts;

/// Shows the form for a garbage collection that squashes the history of a branch.
pub(super) async fn show_squash(screen: Screen, visitor: Visitor) -> Result<Response> {
    require(&screen.app, &visitor, &Method::POST)?;
    require(&screen.app, &visitor, &Method::DELETE)?;
    let branch = screen.branch()?;
    let title = "Drop the history";
    respond_with_form(screen, &visitor, title, move |store, site, context| {
        let tip = store.snapshot(&Revision::Branch(Some(branch.clone())))?;
        let commits = store.count_commits(&Revision::Commit(tip))?;
        let hidden = [
            ("branch", branch.to_string()),
            ("expected", tip.to_string()),
            ("history", "squash".to_owned()),
        ];
        let form = ChangeForm {
            site,
            token: &context.token,
            fixed_author: context.fixed_author(),
            title,
            explanation: change_texts::squash(branch.as_str(), commits, &tip),
            action: "/ui/gc",
            hidden: &hidden,
            fields: change_texts::no_fields(),
            kind: ChangeKind::Deletion,
            button: "Drop the history",
            back: &site.status(),
        };
        Ok(form.render())
    })
    .await
}

/// Collects garbage. If the form requests to squash the history, the tip of the branch must still be the commit that the page has shown.
/// Otherwise keeps the history.
pub(super) async fn gc(State(app): State<App>, form: Form) -> Result<Response> {
    require(&app, &form.visitor, &Method::POST)?;
    let (change, history) = match form.fields.optional("history")? {
        Some("squash") => {
            require(&app, &form.visitor, &Method::DELETE)?;
            (form.change()?, History::Squash)
        }
        _ => (change_of(&form.visitor, &form.fields)?, History::Keep),
    };
    app.run_write(move |store| Ok(store.gc_on_request(&change, history)?))
        .await?;
    Ok(redirect(&site_of_links(&app.base_path).status()))
}

/// Starts to verify the store in the background. The status screen shows the result.
pub(super) async fn verify(State(app): State<App>, form: Form) -> Result<Response> {
    require(&app, &form.visitor, &Method::POST)?;
    let store = Arc::clone(&app.store);
    app.run_write(move |_| Ok(store.verify_on_request()?))
        .await?;
    Ok(redirect(&site_of_links(&app.base_path).status()))
}
