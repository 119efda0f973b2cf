//! Handlers that copy the module at a path to another path.

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
use crate::names::{BranchName, CommitId, HashRef, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::store::{EntityTags, Precondition, Revision};
use crate::web::change_form::{ChangeForm, ChangeKind};
use crate::web::{Place, change_texts};

/// The hint in the field for the commit message: it describes the default message.
const MESSAGE: ChangeKind<'static> = ChangeKind::Commit("Set, the path and the hash");

/// The query parameters of the page for copying a module.
#[derive(Deserialize)]
pub(in crate::http::routes::web) struct SetQuery {
    /// The id of the commit that has the module; if empty, the tip of the branch.
    #[serde(default)]
    from: String,
}

pub(in crate::http::routes::web) async fn show(
    screen: Screen,
    visitor: Visitor,
    parts: TargetParts,
    QueryParams(query): QueryParams<SetQuery>,
) -> Result<Response> {
    require(&screen.app, &visitor, &Method::POST)?;
    let target = Target::of(&screen, &parts)?;
    let path = ModulePath::try_from(target.path.clone())?;
    let revision = match query.from.as_str() {
        "" => Revision::Branch(Some(target.branch.clone())),
        from => Revision::Commit(CommitId::parse(from)?),
    };
    respond_with_form(screen, &visitor, "Copy", move |store, site, context| {
        let hash = store.hash(&revision, &ModuleRef::Path(path.clone()))?;
        let hidden = [
            ("branch", target.branch.to_string()),
            ("hash", hash.to_string()),
        ];
        let is_there = target.current_tag(store)?.is_some();
        let form = ChangeForm {
            site,
            token: &context.token,
            fixed_author: context.fixed_author(),
            title: "Copy to another path",
            explanation: change_texts::set(&target.name()),
            action: "/ui/set",
            hidden: &hidden,
            fields: change_texts::set_fields(&target.path),
            kind: MESSAGE,
            button: "Copy",
            back: &target.back(store, site, is_there)?,
        };
        Ok(form.render())
    })
    .await
}

/// Copies the module. If there is another module at the new path, first shows a page that says so, because the user has typed the path and
/// may not know about that module.
pub(in crate::http::routes::web) async fn submit(
    State(app): State<App>,
    screen: Screen,
    form: Form,
) -> Result<Response> {
    require(&app, &form.visitor, &Method::POST)?;
    let hash = form.fields.require("hash", HashRef::parse)?;
    let path = form.fields.require("path", ModulePath::parse)?;
    let branch = form.branch()?;
    let mut change = crate::http::routes::web::form::change_of(&form.visitor, &form.fields)?;
    let expected = form.fields.parse_optional("expected", ModuleHash::parse)?;
    change.precondition = match expected {
        Some(expected) => Precondition {
            if_match: Some(EntityTags::OneOf(vec![expected.to_string()])),
            if_none_match: None,
        },
        None => Precondition {
            if_match: None,
            if_none_match: Some(EntityTags::Any),
        },
    };
    let (revision, name) = (
        Revision::Branch(Some(branch.clone())),
        ModuleRef::Path(path.clone()),
    );
    // Charges memory as in the API, because the module may be validated again.
    let looked_up = app.run_read(move |store| {
        let is_there = expected.is_none() && store.contains(&revision, &name)?;
        let there = is_there.then(|| store.hash(&revision, &name)).transpose()?;
        Ok((store.stored_size_bytes(&hash)?, there))
    });
    let (size_bytes, there) = looked_up.await?;
    if let Some(there) = there {
        return replace(screen, &form, (branch, path), there).await;
    }
    let memory = app.charge(size_bytes).await?;
    let copied = app.publish(move |store| {
        let _memory = memory;
        Ok(store.set(&change, &hash, &path)?)
    });
    Ok(done(&app, &branch, copied.await?.0.commit))
}

/// Shows which module is at the new path, with a form that replaces it.
async fn replace(
    screen: Screen,
    form: &Form,
    (branch, path): (BranchName, ModulePath),
    there: ModuleHash,
) -> Result<Response> {
    let field = |name| {
        Ok::<_, crate::http::error::Failure>(
            form.fields.optional(name)?.unwrap_or_default().to_owned(),
        )
    };
    let hidden = [
        ("branch", branch.to_string()),
        ("path", path.as_str().to_owned()),
        ("hash", field("hash")?),
        ("expected", there.to_string()),
        ("message", field("message")?),
        ("author", field("author")?),
    ];
    let title = "Replace a module";
    respond_with_form(screen, &form.visitor, title, move |store, site, context| {
        let size_bytes = store.size_bytes(there)?;
        let page = ChangeForm {
            site,
            token: &context.token,
            fixed_author: context.fixed_author(),
            title,
            explanation: change_texts::replace(&path.to_string(), size_bytes, &there.to_string()),
            action: "/ui/set",
            hidden: &hidden,
            fields: change_texts::no_fields(),
            // With this kind, the form has no visible fields for the message and the author. Their values from the previous form are in
            // hidden fields.
            kind: ChangeKind::WithoutCommitFields,
            button: "Replace it",
            back: &site.tree(&Place::branch(branch.clone()), &TreePath::root()),
        };
        Ok(page.render())
    })
    .await
}
