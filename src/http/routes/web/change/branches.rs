//! Handlers that create and delete branches, and select the default branch.

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, parse_typed_revision};
use crate::http::pages;
use crate::http::routes::web::form::Form;
use crate::http::routes::web::form_page::{done, require, respond_with_form};
use crate::http::routes::web::screen::{Screen, redirect};
use crate::http::routes::web::visitor::Visitor;
use crate::http::site::site_of_links;
use crate::http::state::App;
use crate::names::{BranchName, CommitId};
use crate::store::Revision;
use crate::web::change_form::{ChangeForm, ChangeKind};
use crate::web::change_texts;

/// The query parameters of the page for a new branch.
#[derive(Deserialize)]
pub(in crate::http::routes::web) struct NewBranchQuery {
    /// The branch or commit at which the new branch begins; if empty, the default branch.
    #[serde(default)]
    from: String,
}

pub(in crate::http::routes::web) async fn show_new(
    screen: Screen,
    visitor: Visitor,
    QueryParams(query): QueryParams<NewBranchQuery>,
) -> Result<Response> {
    require(&screen.app, &visitor, &Method::POST)?;
    let from = if query.from.is_empty() {
        screen.site.default_branch.clone()
    } else {
        query.from
    };
    let revision = parse_typed_revision(&from)?;
    respond_with_form(
        screen,
        &visitor,
        "New branch",
        move |store, site, context| {
            // The form contains this commit, so that the branch begins where the page says, even if another user commits to `from` in
            // between.
            let commit = store.snapshot(&revision)?;
            let form = ChangeForm {
                site,
                token: &context.token,
                fixed_author: context.fixed_author(),
                title: "New branch",
                explanation: change_texts::new_branch(&from, &commit),
                action: "/ui/branch/new",
                hidden: &[("from", commit.to_string())],
                fields: change_texts::branch_name_field(),
                kind: ChangeKind::WithoutCommitFields,
                button: "Create the branch",
                back: &site.branches(),
            };
            Ok(form.render())
        },
    )
    .await
}

pub(in crate::http::routes::web) async fn create(
    State(app): State<App>,
    form: Form,
) -> Result<Response> {
    require(&app, &form.visitor, &Method::POST)?;
    // Removes only ASCII spaces, because no branch name can have them. Other spaces may be part of a name.
    let name = { form.fields.optional("name")? }.map(str::trim_ascii);
    let missing = || Failure::malformed("the form has no name for the branch");
    let branch = BranchName::parse(name.ok_or_else(missing)?)?;
    let from = Revision::Commit(form.fields.require("from", CommitId::parse)?);
    let created = branch.clone();
    app.run_write(move |store| Ok(store.create_branch(&created, &from)?))
        .await?;
    Ok(done(&app, &branch, None))
}

pub(in crate::http::routes::web) async fn show_default(
    screen: Screen,
    visitor: Visitor,
) -> Result<Response> {
    require(&screen.app, &visitor, &Method::PUT)?;
    let branch = screen.branch()?;
    let title = "Change the default branch";
    respond_with_form(screen, &visitor, title, move |store, site, context| {
        store.snapshot(&Revision::Branch(Some(branch.clone())))?;
        let hidden = [
            ("branch", branch.to_string()),
            ("expected", site.default_branch.clone()),
        ];
        let form = ChangeForm {
            site,
            token: &context.token,
            fixed_author: context.fixed_author(),
            title,
            explanation: change_texts::default_branch(&branch, &site.default_branch),
            action: pages::DEFAULT_BRANCH,
            hidden: &hidden,
            fields: change_texts::no_fields(),
            kind: ChangeKind::WithoutCommitFields,
            button: "Make it the default branch",
            back: &site.branches(),
        };
        Ok(form.render())
    })
    .await
}

/// Makes a branch the default branch. Fails if another user has changed the default branch since the page was loaded.
pub(in crate::http::routes::web) async fn set_default(
    State(app): State<App>,
    form: Form,
) -> Result<Response> {
    require(&app, &form.visitor, &Method::PUT)?;
    let branch = form.branch()?;
    let expected = form.fields.require("expected", BranchName::parse)?;
    let current = app.default_branch().await?;
    if current != expected {
        let detail = format!("the default branch is {current} now");
        return Err(Failure::new(StatusCode::PRECONDITION_FAILED, detail));
    }
    let shared = app.clone();
    app.run_write(move |store| {
        store.snapshot(&Revision::Branch(Some(branch.clone())))?;
        store.set_default_branch(&branch, shared.branch(None).as_ref())?;
        shared.reset_default_branch();
        Ok(())
    })
    .await?;
    Ok(redirect(&site_of_links(&app.base_path).branches()))
}

pub(in crate::http::routes::web) async fn show_delete(
    screen: Screen,
    visitor: Visitor,
) -> Result<Response> {
    require(&screen.app, &visitor, &Method::DELETE)?;
    let branch = screen.branch()?;
    respond_with_form(screen, &visitor, "Delete", move |store, site, context| {
        let tip = store.snapshot(&Revision::Branch(Some(branch.clone())))?;
        let form = ChangeForm {
            site,
            token: &context.token,
            fixed_author: context.fixed_author(),
            title: "Delete a branch",
            explanation: change_texts::delete_branch(&branch, &tip),
            action: "/ui/branch/delete",
            hidden: &[
                ("branch", branch.to_string()),
                ("expected", tip.to_string()),
            ],
            fields: change_texts::no_fields(),
            kind: ChangeKind::Deletion,
            button: "Delete the branch",
            back: &site.branches(),
        };
        Ok(form.render())
    })
    .await
}

pub(in crate::http::routes::web) async fn delete(
    State(app): State<App>,
    form: Form,
) -> Result<Response> {
    require(&app, &form.visitor, &Method::DELETE)?;
    let branch = form.branch()?;
    let expected = form.fields.require("expected", CommitId::parse)?;
    let default = app.branch(None);
    app.run_write(move |store| {
        Ok(store.delete_branch_at(&branch, default.as_ref(), Some(expected))?)
    })
    .await?;
    let site = site_of_links(&app.base_path);
    Ok(redirect(&site.branches()))
}
