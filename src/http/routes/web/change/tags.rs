//! Handlers that create and delete tags.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;

use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, parse_typed_revision};
use crate::http::routes::web::form::Form;
use crate::http::routes::web::form_page::{require, respond_with_form};
use crate::http::routes::web::screen::{Screen, redirect};
use crate::http::routes::web::visitor::Visitor;
use crate::http::site::site_of_links;
use crate::http::state::App;
use crate::names::{CommitId, TagName};
use crate::store::{ExistingTag, Revision};
use crate::web::change_form::{ChangeForm, ChangeKind};
use crate::web::change_texts;

/// The query parameters of the page for a new tag.
#[derive(Deserialize)]
pub(in crate::http::routes::web) struct NewTagQuery {
    /// The branch or commit that the tag will name; if empty, the default branch.
    #[serde(default)]
    from: String,
}

/// The query parameters of the page for deleting a tag.
#[derive(Deserialize)]
pub(in crate::http::routes::web) struct TagQuery {
    tag: String,
}

pub(in crate::http::routes::web) async fn show_new(
    screen: Screen,
    visitor: Visitor,
    QueryParams(query): QueryParams<NewTagQuery>,
) -> Result<Response> {
    require(&screen.app, &visitor, &Method::POST)?;
    let from = if query.from.is_empty() {
        screen.site.default_branch.clone()
    } else {
        query.from
    };
    let revision = parse_typed_revision(&from)?;
    respond_with_form(screen, &visitor, "New tag", move |store, site, context| {
        // The form contains this commit, so that the tag names the commit that the page shows, even if another user commits to `from` in
        // between.
        let commit = store.commit(store.snapshot(&revision)?)?;
        let form = ChangeForm {
            site,
            token: &context.token,
            fixed_author: context.fixed_author(),
            title: "New tag",
            explanation: change_texts::new_tag(site, &from, &commit),
            action: "/ui/tag/new",
            hidden: &[("from", commit.id.to_string())],
            fields: change_texts::tag_name_field(),
            kind: ChangeKind::Tag,
            button: "Create the tag",
            back: &site.tags(),
        };
        Ok(form.render())
    })
    .await
}

pub(in crate::http::routes::web) async fn create(
    State(app): State<App>,
    form: Form,
) -> Result<Response> {
    require(&app, &form.visitor, &Method::POST)?;
    // Removes only ASCII spaces, because no tag name can have them. Other spaces may be part of a name.
    let name = { form.fields.optional("name")? }.map(str::trim_ascii);
    let missing = || Failure::malformed("the form has no name for the tag");
    let tag = TagName::parse(name.ok_or_else(missing)?)?;
    let from = Revision::Commit(form.fields.require("from", CommitId::parse)?);
    let change = form.change_without_branch()?;
    app.run_write(move |store| Ok(store.create_tag(&change, &tag, &from, ExistingTag::Refuse)?))
        .await?;
    Ok(redirect(&site_of_links(&app.base_path).tags()))
}

pub(in crate::http::routes::web) async fn show_delete(
    screen: Screen,
    visitor: Visitor,
    QueryParams(TagQuery { tag }): QueryParams<TagQuery>,
) -> Result<Response> {
    require(&screen.app, &visitor, &Method::DELETE)?;
    let name = TagName::parse(&tag)?;
    respond_with_form(screen, &visitor, "Delete", move |store, site, context| {
        let tag = store.tag(&name)?;
        let expected = tag.entity_tag();
        let form = ChangeForm {
            site,
            token: &context.token,
            fixed_author: context.fixed_author(),
            title: "Delete a tag",
            explanation: change_texts::delete_tag(&tag),
            action: "/ui/tag/delete",
            hidden: &[("tag", name.to_string()), ("expected", expected)],
            fields: change_texts::no_fields(),
            kind: ChangeKind::Deletion,
            button: "Delete the tag",
            back: &site.tags(),
        };
        Ok(form.render())
    })
    .await
}

/// Deletes the tag, unless somebody has moved it or changed its message since the page was loaded.
pub(in crate::http::routes::web) async fn delete(
    State(app): State<App>,
    form: Form,
) -> Result<Response> {
    require(&app, &form.visitor, &Method::DELETE)?;
    let tag = form.fields.require("tag", TagName::parse)?;
    let change = crate::store::Change {
        precondition: form.precondition()?,
        ..form.change_without_branch()?
    };
    app.run_write(move |store| Ok(store.delete_tag(&change, &tag)?))
        .await?;
    Ok(redirect(&site_of_links(&app.base_path).tags()))
}
