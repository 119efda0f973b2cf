//! Removes a module, or a directory with everything in it.

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
use crate::names::{ModulePath, ModuleRef};
use crate::store::{DirectoryRemoval, Revision};
use crate::web::change_form::{ChangeForm, ChangeKind};
use crate::web::change_texts;

pub(in crate::http::routes::web) async fn show(
    screen: Screen,
    visitor: Visitor,
    parts: TargetParts,
) -> Result<Response> {
    require(&screen.app, &visitor, &Method::DELETE)?;
    let target = Target::of(&screen, &parts)?;
    let path = ModulePath::try_from(target.path.clone())?;
    respond_with_form(screen, &visitor, "Remove", move |store, site, context| {
        let revision = Revision::Branch(Some(target.branch.clone()));
        let is_module = store.contains(&revision, &ModuleRef::Path(path.clone()))?;
        let form = ChangeForm {
            site,
            token: &context.token,
            fixed_author: context.fixed_author(),
            title: "Remove",
            explanation: change_texts::remove(&target.name(), is_module),
            action: "/ui/remove",
            hidden: &target.hidden(store)?,
            fields: change_texts::no_fields(),
            kind: ChangeKind::Commit(&change_texts::default_message("Remove", &target.path)),
            button: "Remove",
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
    require(&app, &form.visitor, &Method::DELETE)?;
    let (change, branch) = (form.change()?, form.branch()?);
    let path = form.fields.require("path", ModulePath::parse)?;
    // What is removed is what the page has shown: `expected` is the hash of the module, or the tip with everything in the directory.
    let removed = app.publish(move |store| {
        let name = ModuleRef::Path(path);
        Ok(store.remove(&change, &name, DirectoryRemoval::Recursive)?)
    });
    Ok(done(&app, &branch, removed.await?.0.0))
}
