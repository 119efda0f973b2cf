//! Handlers that undo the newest change of a module, a directory or a branch.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;

use super::preview::preview;
use super::target::{Target, TargetParts};
use super::target_page::{TargetPage, TargetState, TargetTexts};
use crate::http::error::Result;
use crate::http::routes::web::form::Form;
use crate::http::routes::web::form_page::{done, require};
use crate::http::routes::web::screen::Screen;
use crate::http::routes::web::visitor::Visitor;
use crate::http::state::App;
use crate::store::{ErrorKind, Revision, Store};
use crate::web::{Site, change_texts};

const PAGE: TargetPage = TargetPage {
    method: Method::POST,
    title: "Roll back",
    verb: "Rollback",
    action: "/ui/rollback",
    button: "Undo the newest change",
};

pub(in crate::http::routes::web) async fn show(
    screen: Screen,
    visitor: Visitor,
    parts: TargetParts,
) -> Result<Response> {
    let describe = |store: &Store, site: &Site, target: &Target| {
        let branch = Revision::Branch(Some(target.branch.clone()));
        let (tip, change) = match store.preview_rollback(&branch, &target.path) {
            Err(error) if error.kind() == ErrorKind::Conflict => {
                return Ok(TargetState::Unchangeable(error.to_string()));
            }
            previewed => previewed?,
        };
        Ok(TargetState::Changeable(TargetTexts {
            explanation: change_texts::rollback(&target.name()),
            more_hidden_fields: Vec::new(),
            preview: preview((store, site), target, (tip, change.restored))?,
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
    let rolled_back = app.publish(move |store| Ok(store.rollback(&change, &scope)?));
    Ok(done(&app, &branch, rolled_back.await?.0.commit))
}
