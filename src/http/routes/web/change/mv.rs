//! Moves a module, or a directory with everything in it, to another path.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;

use super::target::{Target, TargetParts};
use crate::http::error::{Failure, Result};
use crate::http::routes::web::form::Form;
use crate::http::routes::web::form_page::{done, require, respond_with_form};
use crate::http::routes::web::screen::Screen;
use crate::http::routes::web::visitor::Visitor;
use crate::http::state::App;
use crate::names::{Destination, TreePath};
use crate::store::{ExistingModules, Relocation};
use crate::web::change_form::{ChangeForm, ChangeKind};
use crate::web::change_texts;

/// The hint in the field for the commit message: it describes the default message.
const MESSAGE: ChangeKind<'static> = ChangeKind::Commit("Move, the path and the new path");

/// Checks that the API key allows POST and DELETE. A move needs both, as in the API, because it adds modules and removes modules.
fn require_both(app: &App, visitor: &Visitor) -> Result<()> {
    require(app, visitor, &Method::POST)?;
    require(app, visitor, &Method::DELETE)
}

pub(in crate::http::routes::web) async fn show(
    screen: Screen,
    visitor: Visitor,
    parts: TargetParts,
) -> Result<Response> {
    require_both(&screen.app, &visitor)?;
    let target = Target::of(&screen, &parts)?;
    if target.path.is_root() {
        return Err(Failure::malformed("the whole tree cannot be moved"));
    }
    respond_with_form(screen, &visitor, "Move", move |store, site, context| {
        let tag = target.current_tag(store)?;
        let missing = || Failure::from(crate::store::Error::NoModule(target.name()));
        let tag = tag.ok_or_else(missing)?;
        let form = ChangeForm {
            site,
            token: &context.token,
            fixed_author: context.fixed_author(),
            title: "Move to another path",
            explanation: change_texts::mv(&target.name()),
            action: "/ui/move",
            hidden: &target.hidden_fields(Some(tag)),
            fields: change_texts::mv_fields(&target.path),
            kind: MESSAGE,
            button: "Move",
            back: &target.back(store, site, true)?,
        };
        Ok(form.render())
    })
    .await
}

pub(in crate::http::routes::web) async fn submit(
    State(app): State<App>,
    form: Form,
) -> Result<Response> {
    require_both(&app, &form.visitor)?;
    let (change, branch) = (form.change()?, form.branch()?);
    let relocation = Relocation {
        sources: vec![form.fields.require("path", TreePath::parse)?.into()],
        destination: form.fields.require("to", Destination::parse)?,
        existing: ExistingModules::Refuse,
    };
    let moved = app.publish(move |store| Ok(store.move_modules(&change, &relocation)?));
    Ok(done(&app, &branch, moved.await?.0.commit))
}
