//! Handlers that restore a module, a directory or a branch as it was in a commit.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;

use super::preview::{preview, tip};
use super::target::{Target, TargetParts};
use super::target_page::{TargetPage, TargetState, TargetTexts};
use crate::http::error::Result;
use crate::http::extract::QueryParams;
use crate::http::routes::web::form::Form;
use crate::http::routes::web::form_page::{done, require};
use crate::http::routes::web::screen::Screen;
use crate::http::routes::web::visitor::Visitor;
use crate::http::state::App;
use crate::names::CommitId;
use crate::store::Store;
use crate::web::{Site, change_texts};

/// The query parameters of the page for restoring an older state.
#[derive(Deserialize)]
pub(in crate::http::routes::web) struct RestoreQuery {
    /// The id of the commit to restore from.
    from: String,
}

const PAGE: TargetPage = TargetPage {
    method: Method::POST,
    title: "Restore",
    verb: "Restore",
    action: "/ui/restore",
    button: "Restore",
};

pub(in crate::http::routes::web) async fn show(
    screen: Screen,
    visitor: Visitor,
    parts: TargetParts,
    QueryParams(query): QueryParams<RestoreQuery>,
) -> Result<Response> {
    let describe = move |store: &Store, site: &Site, target: &Target| {
        let from = CommitId::parse(&query.from)?;
        let commit = store.commit(from)?;
        let commits = (tip(store, target)?, from);
        Ok(TargetState::Changeable(TargetTexts {
            explanation: change_texts::restore(site, &target.branch, &target.name(), &commit),
            more_hidden_fields: vec![("from", from.to_string())],
            preview: preview((store, site), target, commits)?,
        }))
    };
    PAGE.respond(screen, &visitor, &parts, describe).await
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
    Ok(done(&app, &branch, restored.await?.0.commit))
}
