//! Handlers that remove a module or a directory.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;

use super::target::{Target, TargetParts};
use super::target_page::{TargetPage, TargetState, TargetTexts};
use crate::http::error::Result;
use crate::http::routes::web::form::Form;
use crate::http::routes::web::form_page::{done, require};
use crate::http::routes::web::screen::Screen;
use crate::http::routes::web::visitor::Visitor;
use crate::http::state::App;
use crate::names::{ModulePath, ModuleRef};
use crate::store::{DirectoryRemoval, Revision, Store};
use crate::web::{Site, change_texts};

const PAGE: TargetPage = TargetPage {
    method: Method::DELETE,
    title: "Remove",
    verb: "Remove",
    action: "/ui/remove",
    button: "Remove",
};

pub(in crate::http::routes::web) async fn show(
    screen: Screen,
    visitor: Visitor,
    parts: TargetParts,
) -> Result<Response> {
    let describe = |store: &Store, _: &Site, target: &Target| {
        let path = ModulePath::try_from(target.path.clone())?;
        let revision = Revision::Branch(Some(target.branch.clone()));
        let is_module = store.contains(&revision, &ModuleRef::Path(path))?;
        Ok(TargetState::Changeable(TargetTexts {
            explanation: change_texts::remove(&target.name(), is_module),
            more_hidden_fields: Vec::new(),
            preview: change_texts::no_fields(),
        }))
    };
    PAGE.respond(screen, &visitor, &parts, describe).await
}

pub(in crate::http::routes::web) async fn submit(
    State(app): State<App>,
    form: Form,
) -> Result<Response> {
    require(&app, &form.visitor, &Method::DELETE)?;
    let (change, branch) = (form.change()?, form.branch()?);
    let path = form.fields.require("path", ModulePath::parse)?;
    // Fails if the target has changed since the page was loaded: the field `expected` has the entity tag that the page has shown.
    let removed = app.publish(move |store| {
        let name = ModuleRef::Path(path);
        Ok(store.remove(&change, &name, DirectoryRemoval::Recursive)?)
    });
    Ok(done(&app, &branch, removed.await?.0.commit))
}
