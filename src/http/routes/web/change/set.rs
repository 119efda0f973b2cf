//! Puts the module of a path at another path.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;

use super::target::{Target, TargetParts};
use crate::http::error::Result;
use crate::http::routes::web::form::{Form, change_of};
use crate::http::routes::web::form_page::{done, require, respond_with_form};
use crate::http::routes::web::screen::Screen;
use crate::http::routes::web::visitor::Visitor;
use crate::http::state::App;
use crate::names::{HashRef, ModulePath, ModuleRef};
use crate::store::{EntityTags, Precondition, Revision};
use crate::web::change_form::{ChangeForm, ChangeKind};
use crate::web::change_texts;

pub(in crate::http::routes::web) async fn show(
    screen: Screen,
    visitor: Visitor,
    parts: TargetParts,
) -> Result<Response> {
    require(&screen.app, &visitor, &Method::POST)?;
    let target = Target::of(&screen, &parts)?;
    let path = ModulePath::try_from(target.path.clone())?;
    respond_with_form(screen, &visitor, "Copy", move |store, site, context| {
        let revision = Revision::Branch(Some(target.branch.clone()));
        let hash = store.hash(&revision, &ModuleRef::Path(path))?;
        let hidden = [
            ("branch", target.branch.to_string()),
            ("hash", hash.to_string()),
        ];
        let form = ChangeForm {
            site,
            token: &context.token,
            fixed_author: context.fixed_author(),
            title: "Copy to another path",
            explanation: change_texts::set(&target.name()),
            action: "/ui/set",
            hidden: &hidden,
            fields: change_texts::set_fields(&target.path),
            kind: ChangeKind::Commit("Set, the path and the hash"),
            button: "Copy",
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
    require(&app, &form.visitor, &Method::POST)?;
    let hash = form.fields.require("hash", HashRef::parse)?;
    let path = form.fields.require("path", ModulePath::parse)?;
    let branch = form.branch()?;
    let mut change = change_of(&form.visitor, &form.fields)?;
    // The user cannot have seen what is at a path that was only typed in, so it is replaced on request only.
    if form.fields.optional("replace")?.is_none() {
        change.precondition = Precondition {
            if_match: None,
            if_none_match: Some(EntityTags::Any),
        };
    }
    // As in the API, memory is needed because the module may be validated again.
    let size_bytes = app
        .run_read(move |store| Ok(store.stored_size_bytes(&hash)?))
        .await?;
    let memory = app.charge(size_bytes).await?;
    let copied = app.publish(move |store| {
        let _memory = memory;
        Ok(store.set(&change, &hash, &path)?)
    });
    Ok(done(&app, &branch, copied.await?.0.0))
}
