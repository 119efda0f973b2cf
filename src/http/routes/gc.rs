//! `/gc`: deletes unreachable objects, and drops history.

use axum::Extension;
use axum::extract::State;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::http::commit_header::ChangeHeaders;
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, WriteHeaders, reject_path_conditions};
use crate::http::json::Json;
use crate::http::middleware::auth::Caller;
use crate::http::openapi::WriteProblems;
use crate::http::state::App;
use crate::names::{Cutoff, TreePath};
use crate::store::{History, Retention};
use crate::wire;

/// The error text if the API key does not allow the client to drop history.
const DROP_REFUSED: &str =
    "the key does not allow DELETE, which dropping the history needs: use keep_history=true";

/// The maximum number of `path` parameters in one request.
const PATHS_MAX: usize = 1000;

/// The query parameters of `/gc`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct GcQuery {
    /// Keep the branch's history instead of squashing it.
    #[serde(default)]
    keep_history: bool,
    /// Instead of squashing: drop old versions, but keep this many of the newest versions of each path.
    #[param(minimum = 1)]
    keep_last: Option<u32>,
    /// Instead of squashing: drop old versions, but keep the versions that the branch had at this time or later. The time is a day such as
    /// `2026-11-01`, a time such as `2026-11-01T12:00:00Z`, or an age such as `90d`.
    keep_since: Option<String>,
    /// Instead of squashing: drop old versions, but keep those in tagged commits.
    #[serde(default)]
    keep_tags: bool,
    /// Change nothing, and return what would be dropped.
    #[serde(default)]
    dry_run: bool,
}

/// The query parameter of `/gc` that may be repeated.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct GcPaths {
    /// With `keep_last`, `keep_since` or `keep_tags`: drop only versions of this module, or of the modules in this directory. May be
    /// repeated.
    #[allow(dead_code, reason = "only its description is used")]
    path: Option<Vec<String>>,
}

impl GcQuery {
    /// Returns whether the request squashes the history, drops old versions, or keeps the history. `pairs` are all query parameters of the
    /// request.
    fn history(&self, pairs: &[(String, String)]) -> Result<History> {
        let known = ["keep_history", "keep_last", "keep_since", "keep_tags"];
        let unknown = |name: &&str| name.starts_with("keep") && !known.contains(name);
        if let Some(name) = pairs.iter().map(|(name, _)| name.as_str()).find(unknown) {
            // An unknown parameter is an error, so that a typing error cannot cause the loss of the whole history.
            return Err(Failure::malformed(format!(
                "there is no parameter {name:?}"
            )));
        }
        let since = self.keep_since.as_deref().map(Cutoff::parse).transpose()?;
        let paths = pairs.iter().filter(|(name, _)| name == "path");
        let paths: Vec<_> = paths
            .take(PATHS_MAX + 1)
            .map(|(_, path)| TreePath::parse(path))
            .collect::<Result<_, _>>()?;
        if paths.len() > PATHS_MAX {
            let detail = format!("there are more than {PATHS_MAX} paths");
            return Err(Failure::malformed(detail));
        }
        let keeps_some = self.keep_last.is_some() || since.is_some() || self.keep_tags;
        let malformed = |detail: &str| Err(Failure::malformed(detail.to_owned()));
        if self.keep_last == Some(0) {
            return malformed("keep_last must be at least 1");
        }
        if self.keep_history && (keeps_some || !paths.is_empty()) {
            return malformed("keep_history keeps all versions: leave out the other parameters");
        }
        if !keeps_some && !paths.is_empty() {
            return malformed("path needs keep_last, keep_since or keep_tags");
        }
        Ok(match (self.keep_history, keeps_some) {
            (true, _) => History::Keep,
            (false, false) => History::Squash,
            (false, true) => History::Retain(Retention {
                last: self.keep_last,
                since,
                tags: self.keep_tags,
                paths,
            }),
        })
    }
}

/// Drops history of a branch, and deletes every object that no ref reaches
///
/// Either squashes the commits that only this branch reaches to one commit, or drops old versions of modules. Commits that other branches
/// or tags reach stay. Dropping history needs a key that allows DELETE in addition to POST.
#[utoipa::path(post, path = "/gc", tag = "admin", params(WriteHeaders, GcQuery, GcPaths),
    responses((status = 200, description = "The deleted objects, or what would be dropped", body = wire::GcResponseJson), WriteProblems))]
pub(in crate::http) async fn gc(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    WriteHeaders(change): WriteHeaders,
    QueryParams(query): QueryParams<GcQuery>,
    QueryParams(pairs): QueryParams<Vec<(String, String)>>,
) -> Result<Response> {
    reject_path_conditions(&change.path_conditions)?;
    let history = query.history(&pairs)?;
    if query.dry_run {
        let branch = change.branch;
        let preview = app.run_read(move |store| Ok(store.preview_gc(branch.as_ref(), &history)?));
        let preview = wire::GcPreviewJson::from(&preview.await?);
        return Ok(Json(&wire::GcResponseJson::Preview(preview)).into_response());
    }
    if history != History::Keep {
        caller.require(&Method::DELETE, DROP_REFUSED)?;
    }
    let collected = app
        .run_write(move |store| Ok(store.gc(&change, history)?))
        .await?;
    let headers = ChangeHeaders::from(&collected);
    let collected = wire::GcResponseJson::Collected(wire::GcJson::from(&collected));
    Ok((headers, Json(&collected)).into_response())
}
