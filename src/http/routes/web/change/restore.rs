//! Restores a module, a directory or a branch as it was in a commit.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;

use super::target::{Target, TargetParts};
use crate::http::error::Result;
use crate::http::extract::QueryParams;
use crate::http::routes::web::form::Form;
use crate::http::routes::web::form_page::{done, require, respond_with_form};
use crate::http::routes::web::screen::Screen;
use crate::http::routes::web::visitor::Visitor;
use crate::http::state::App;
use crate::names::CommitId;
use crate::web::change_form::{ChangeForm, ChangeKind};
use crate::web::change_texts;

/// The query of the page.
#[derive(Deserialize)]
pub(in crate::http::routes::web) struct RestoreQuery {
    /// The commit to restore from.
    from: String,
}

pub(in crate::http::routes::web) async fn show(
    screen: Screen,
    visitor: Visitor,
    parts: TargetParts,
    QueryParams(query): QueryParams<RestoreQuery>,
) -> Result<Response> {
    require(&screen.app, &visitor, &Method::POST)?;
    let target = Target::of(&screen, &parts)?;
    let from = CommitId::parse(&query.from)?;
    respond_with_form(screen, &visitor, "Restore", move |store, site, context| {
        let commit = store.commit(from)?;
        let mut hidden = target.hidden(store)?;
        hidden.push(("from", from.to_string()));
        let form = ChangeForm {
            site,
            token: &context.token,
            fixed_author: context.fixed_author(),
            title: "Restore",
            explanation: change_texts::restore(site, &target.branch, &target.name(), &commit),
            action: "/ui/restore",
            hidden: &hidden,
            fields: change_texts::no_fields(),
            kind: ChangeKind::Commit(&change_texts::default_message("Restore", &target.path)),
            button: "Restore",
            back: &target.back(store, site)?,
        };
        Ok(form.render())
    })
    .await
}

pub(in crate::http::routes::web) async fn submit(
    State(app): State<App>,
    form: Form,
) -> Result<Response> {
    require(&app, &form.visitor, &Method::POST)?;
    let (change, scope) = (form.change()?, Target::path_of(&form)?);
    let branch = form.branch()?;
    let from = form.fields.require("from", CommitId::parse)?;
    let restored = app.publish(move |store| Ok(store.restore(&change, from, &scope)?));
    Ok(done(&app, &branch, restored.await?.0.0))
}
