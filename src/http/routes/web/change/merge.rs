//! Handler that merges a branch into another one.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;

use crate::http::error::Result;
use crate::http::routes::web::form::Form;
use crate::http::routes::web::form_page::{done, require};
use crate::http::state::App;
use crate::names::{BranchName, CommitId};
use crate::store::MergeOptions;

/// Merges the two commits that the page has shown. If another user has committed to one of the branches since, merges nothing.
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
        ..MergeOptions::default()
    };
    let merged = app.publish(move |store| Ok(store.merge_with(&change, &theirs, options)?));
    Ok(done(&app, &branch, merged.await?.0.commit))
}
