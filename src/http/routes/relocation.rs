//! `/copy`, `/move` and the removal of several modules: writes whose query or body names several paths.

use std::collections::HashSet;

use axum::Extension;
use axum::extract::State;
use axum::http::Method;
use serde::Deserialize;

use crate::http::commit_header::ChangeHeaders;
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, WriteHeaders};
use crate::http::middleware::auth::Caller;
use crate::http::openapi::{BodyProblems, PathConditionHeaders, WriteProblems};
use crate::http::routes::json_body::JsonBody;
use crate::http::state::App;
use crate::names::{Destination, Glob, ModulePattern, TreePattern};
use crate::store::{Change, DirectoryRemoval, ExistingModules, Relocation};
use crate::wire;

/// The maximum number of paths or names in a query.
const NAMES_MAX: usize = 1_000;

/// The error text if the API key does not allow the client to remove modules.
const MOVE_REFUSED: &str = "the key does not allow DELETE, which a move needs, because it removes modules from their paths";

/// The query parameters of `/copy` and `/move`. If the request has a JSON body, the body contains the parameters instead.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "only describes the parameters: serde_urlencoded does not collect repeated ones"
)]
pub(in crate::http) struct RelocationQuery {
    /// The path of a module or directory, or a glob. May be repeated, up to 1,000 times; at most 100 may be globs.
    #[param(min_items = 1, max_items = 1_000, required = false)]
    from: Vec<String>,
    /// The destination. If the destination is an existing directory, or ends with a slash, each module or directory is put below it and
    /// keeps its name. Otherwise there must be only one `from`, and the destination is its new path.
    #[param(required = false)]
    to: String,
    /// Replace modules that exist at the destination.
    #[serde(default)]
    force: bool,
}

/// The query parameters for removing several modules.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "only describes the parameters, like `RelocationQuery`"
)]
pub(in crate::http) struct RemovalQuery {
    /// A path, hash, digest or glob. May be repeated, up to 1,000 times; at most 100 may be globs.
    #[param(min_items = 1, max_items = 1_000)]
    name: Vec<String>,
    /// If a name is the path of a directory, remove the directory with everything in it.
    #[serde(default)]
    recursive: bool,
}

/// All query parameters of a request, in their order.
pub(in crate::http) type QueryPairs = QueryParams<Vec<(String, String)>>;

/// Copies modules and directories, in one commit
///
/// If `from` is a single path, a precondition is checked against the entity tag of the module or directory at that path. If `from` is a
/// glob or has several values, a precondition is checked against the entity tag of the whole tree. A glob has the syntax of gitignore(5).
/// It selects the topmost modules and directories that it matches. Unless the destination is the root, it selects nothing in the
/// destination, and no directory that contains the destination. A glob that selects nothing is an error. The parameters are in the query,
/// or in a JSON body, which may name up to 10,000 paths. At most 100 of them may be globs.
#[utoipa::path(post, operation_id = "copy_modules", path = "/copy", tag = "modules",
    params(WriteHeaders, PathConditionHeaders, RelocationQuery),
    request_body(content = Option<wire::RelocationJson>, description = "The parameters, instead of the query; at most 1 MiB"),
    responses((status = 200, description = "The modules are copied"), BodyProblems))]
pub(in crate::http) async fn copy(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    QueryParams(query): QueryPairs,
    body: JsonBody<wire::RelocationJson>,
) -> Result<ChangeHeaders> {
    let relocation = relocation(&query, body.value.as_ref())?;
    let copied = app.publish(move |store| Ok(store.copy_modules(&change, &relocation)?));
    Ok(copied.await?.0)
}

/// Moves modules and directories, in one commit
///
/// The parameters and preconditions are the same as for `/copy`. The key must allow DELETE in addition to POST.
#[utoipa::path(post, operation_id = "move_modules", path = "/move", tag = "modules",
    params(WriteHeaders, PathConditionHeaders, RelocationQuery),
    request_body(content = Option<wire::RelocationJson>, description = "The parameters, instead of the query; at most 1 MiB"),
    responses((status = 200, description = "The modules are moved"), BodyProblems))]
pub(in crate::http) async fn relocate(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    WriteHeaders(change): WriteHeaders,
    QueryParams(query): QueryPairs,
    body: JsonBody<wire::RelocationJson>,
) -> Result<ChangeHeaders> {
    caller.require(&Method::DELETE, MOVE_REFUSED)?;
    let relocation = relocation(&query, body.value.as_ref())?;
    let moved = app.publish(move |store| Ok(store.move_modules(&change, &relocation)?));
    Ok(moved.await?.0)
}

/// Removes the modules that names and globs select, in one commit
///
/// A precondition is checked against the entity tag of the whole tree. A glob has the syntax of gitignore(5), and must match something.
/// At most 100 names may be globs.
#[utoipa::path(delete, operation_id = "remove_modules", path = "/modules", tag = "modules",
    params(WriteHeaders, PathConditionHeaders, RemovalQuery),
    responses((status = 200, description = "The modules are removed"), WriteProblems))]
pub(in crate::http) async fn remove_selected(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    QueryParams(query): QueryPairs,
) -> Result<ChangeHeaders> {
    let names = names(&query, "name")?;
    let is_recursive = flag(&query, "recursive")?;
    remove(&app, change, &names, is_recursive).await
}

/// Removes the modules that the names and globs of a body select, in one commit
///
/// Does the same as `DELETE /modules`, for more names than a URL can have. The key must allow DELETE; it need not allow POST.
#[utoipa::path(post, operation_id = "remove_named_modules", path = "/remove", tag = "modules",
    params(WriteHeaders, PathConditionHeaders),
    request_body(content = wire::RemovalJson, description = "The names; at most 1 MiB"),
    responses((status = 200, description = "The modules are removed"), BodyProblems))]
pub(in crate::http) async fn remove_named(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    body: JsonBody<wire::RemovalJson>,
) -> Result<ChangeHeaders> {
    let removal = body.value.as_ref();
    let no_body = || Failure::malformed("the request needs a body of the type application/json");
    let removal = removal.ok_or_else(no_body)?;
    let names = body_names(&removal.name, "name")?;
    remove(&app, change, &names, removal.recursive).await
}

async fn remove(
    app: &App,
    change: Change,
    names: &[&str],
    is_recursive: bool,
) -> Result<ChangeHeaders> {
    let parsed = names.iter().map(|name| ModulePattern::parse(name));
    let mut patterns = parsed.collect::<Result<Vec<_>, _>>()?;
    remove_repeated_globs(&mut patterns, ModulePattern::glob, "name")?;
    let directories = match is_recursive {
        true => DirectoryRemoval::Recursive,
        false => DirectoryRemoval::Refuse,
    };
    let removed =
        app.publish(move |store| Ok(store.remove_selected(&change, &patterns, directories)?));
    Ok(removed.await?.0)
}

/// Returns the copy or move that the query or the body of a request describes.
fn relocation(
    query: &[(String, String)],
    body: Option<&wire::RelocationJson>,
) -> Result<Relocation> {
    let (from, to, is_forced) = match body {
        Some(body) => {
            let keys = ["from", "to", "force"];
            if query.iter().any(|(key, _)| keys.contains(&&**key)) {
                let detail = "the parameters are in the query and in the body: give them once";
                return Err(Failure::malformed(detail));
            }
            (body_names(&body.from, "from")?, &*body.to, body.force)
        }
        None => {
            let [to] = names(query, "to")?[..] else {
                return Err(Failure::malformed("the parameter `to` must be given once"));
            };
            (names(query, "from")?, to, flag(query, "force")?)
        }
    };
    let sources = from.into_iter().map(TreePattern::parse);
    let mut sources = sources.collect::<Result<Vec<_>, _>>()?;
    remove_repeated_globs(&mut sources, TreePattern::glob, "from")?;
    Ok(Relocation {
        sources,
        destination: Destination::parse(to)?,
        existing: match is_forced {
            true => ExistingModules::Replace,
            false => ExistingModules::Refuse,
        },
    })
}

/// Removes repeated globs from `patterns`, and checks the number of the remaining globs.
fn remove_repeated_globs<P>(
    patterns: &mut Vec<P>,
    glob: impl Fn(&P) -> Option<&Glob>,
    key: &str,
) -> Result<()> {
    let mut seen = HashSet::new();
    patterns.retain(|pattern| glob(pattern).is_none_or(|glob| seen.insert(glob.to_string())));
    if seen.len() <= wire::GLOBS_MAX {
        return Ok(());
    }
    Err(Failure::malformed(format!(
        "more than {} `{key}` are globs: name directories instead, or send several requests",
        wire::GLOBS_MAX
    )))
}

/// Returns the names in the field `key` of a body. There must be at least one. The maximum number of names was already checked when the
/// body was parsed.
fn body_names<'b>(values: &'b [String], key: &str) -> Result<Vec<&'b str>> {
    check_given(values.iter().map(String::as_str).collect(), key)
}

/// Returns all values of a query parameter. There must be at least one.
fn names<'q>(query: &'q [(String, String)], key: &str) -> Result<Vec<&'q str>> {
    let values = query.iter().filter(|(name, _)| name == key);
    let values = values.map(|(_, value)| value.as_str()).collect();
    let values = check_given(values, key)?;
    if values.len() > NAMES_MAX {
        let detail = format!("there are more than {NAMES_MAX} `{key}`");
        return Err(Failure::malformed(detail));
    }
    Ok(values)
}

/// Returns `values`, which a request has in its query parameter or field `key`.
///
/// # Errors
/// 400 if there is no value, or if a value is empty.
fn check_given<'v>(values: Vec<&'v str>, key: &str) -> Result<Vec<&'v str>> {
    if values.is_empty() || values.iter().any(|value| value.is_empty()) {
        return Err(Failure::malformed(format!("`{key}` is missing or empty")));
    }
    Ok(values)
}

fn flag(query: &[(String, String)], key: &str) -> Result<bool> {
    let Some((_, value)) = query.iter().find(|(name, _)| name == key) else {
        return Ok(false);
    };
    let malformed = |_| Failure::malformed(format!("`{key}` must be `true` or `false`"));
    value.parse().map_err(malformed)
}
