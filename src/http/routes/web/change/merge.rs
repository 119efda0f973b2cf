//! Handler that merges a branch into another one.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;

use crate::http::error::Result;
use crate::http::routes::web::form::Form;
use crate::http::routes::web::form_page::{done, require};
use crate::http::routes::web::screen::redirect;
use crate::http::site::site_of_links;
use crate::http::state::App;
use crate::names::{BranchName, CommitId};
use crate::store::{FastForward, MergeOptions};
use crate::web::Place;

/// Merges the two commits that the page has shown. If another user has committed to one of the branches since, merges nothing. After a
/// fast-forward, redirects to a page that says how to undo it.
pub(in crate::http::routes::web) async fn submit(
    State(app): State<App>,
    form: Form,
) -> Result<Response> {
    require(&app, &form.visitor, &Method::POST)?;
    let (change, branch) = (form.change()?, form.branch()?);
    let theirs = form.fields.require("theirs", BranchName::parse)?;
    let tip = form.fields.require("theirs_tip", CommitId::parse)?;
    let options = MergeOptions {
        expected: Some(tip),
        fast_forward: match form.fields.optional("no_ff")? {
            Some(_) => FastForward::Never,
            None => FastForward::Allow,
        },
    };
    let merged = app.publish(move |store| Ok(store.merge_with(&change, &theirs, options)?));
    let (merged, summary) = merged.await?;
    let Some((commit, from)) = merged.commit.zip(summary.forwarded_from) else {
        return Ok(done(&app, &branch, merged.commit));
    };
    let site = site_of_links(&app.base_path);
    let place = Place::branch(branch);
    Ok(redirect(&site.forwarded(&place, &commit, &from)))
}
