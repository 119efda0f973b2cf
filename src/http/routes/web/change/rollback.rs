//! Undoes the newest change of a module, a directory or a branch.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;

use super::target::{Target, TargetParts};
use crate::http::error::Result;
use crate::http::routes::web::form::Form;
use crate::http::routes::web::form_page::{done, require, respond_with_form};
use crate::http::routes::web::screen::Screen;
use crate::http::routes::web::visitor::Visitor;
use crate::http::state::App;
use crate::web::change_form::{ChangeForm, ChangeKind};
use crate::web::change_texts;

pub(in crate::http::routes::web) async fn show(
    screen: Screen,
    visitor: Visitor,
    parts: TargetParts,
) -> Result<Response> {
    require(&screen.app, &visitor, &Method::POST)?;
    let target = Target::of(&screen, &parts)?;
    respond_with_form(
        screen,
        &visitor,
        "Roll back",
        move |store, site, context| {
            let form = ChangeForm {
                site,
                token: &context.token,
                fixed_author: context.fixed_author(),
                title: "Roll back",
                explanation: change_texts::rollback(&target.name()),
                action: "/ui/rollback",
                hidden: &target.hidden(store)?,
                fields: change_texts::no_fields(),
                kind: ChangeKind::Commit(&change_texts::default_message("Rollback", &target.path)),
                button: "Undo the newest change",
                back: &target.back(store, site)?,
            };
            Ok(form.render())
        },
    )
    .await
}

pub(in crate::http::routes::web) async fn submit(
    State(app): State<App>,
    form: Form,
) -> Result<Response> {
    require(&app, &form.visitor, &Method::POST)?;
    let (change, scope) = (form.change()?, Target::path_of(&form)?);
    let branch = form.branch()?;
    let rolled_back = app.publish(move |store| Ok(store.rollback(&change, &scope)?));
    Ok(done(&app, &branch, rolled_back.await?.0.0))
}
