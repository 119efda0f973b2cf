//! `/copy`, `/move` and the removal of several modules: writes whose query names several paths.

use axum::Extension;
use axum::extract::State;
use axum::http::Method;
use serde::Deserialize;

use crate::http::commit_header::ChangeHeaders;
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, WriteHeaders};
use crate::http::middleware::auth::Caller;
use crate::http::openapi::{PathConditionHeaders, WriteProblems};
use crate::http::state::App;
use crate::names::{Destination, ModulePattern, TreePattern};
use crate::store::{DirectoryRemoval, ExistingModules, Relocation};

/// The maximum number of paths or names in one request.
const NAMES_MAX: usize = 1_000;

/// The error text if the API key does not allow the client to remove modules.
const MOVE_REFUSED: &str = "the key does not allow DELETE, which a move needs, because it removes modules from their paths";

/// The query parameters of `/copy` and `/move`.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "only describes the parameters: serde_urlencoded does not collect repeated ones"
)]
pub(in crate::http) struct RelocationQuery {
    /// The path of a module or directory, or a glob. May be repeated, up to 1,000 times.
    #[param(min_items = 1, max_items = 1_000)]
    from: Vec<String>,
    /// The destination. If it is an existing directory, or ends with a slash, each module or directory keeps its name below it. Otherwise
    /// there must be only one `from`, and the destination is its new path.
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
    /// A path, hash, digest or glob. May be repeated, up to 1,000 times.
    #[param(min_items = 1, max_items = 1_000)]
    name: Vec<String>,
    /// If a name is that of a directory, remove the directory with everything in it.
    #[serde(default)]
    recursive: bool,
}

/// All query parameters of a request, in their order.
pub(in crate::http) type QueryPairs = QueryParams<Vec<(String, String)>>;

/// Copies modules and directories, in one commit
///
/// A precondition is checked against the entity tag of the module or directory in `from` or, if there are several or a glob, against that of
/// the whole tree. A glob is one as in gitignore(5). It must match something that is not in the destination yet, and selects the topmost
/// directories that it matches.
#[utoipa::path(post, operation_id = "copy_modules", path = "/copy", tag = "modules",
    params(WriteHeaders, PathConditionHeaders, RelocationQuery),
    responses((status = 200, description = "The modules are copied"), WriteProblems))]
pub(in crate::http) async fn copy(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    QueryParams(query): QueryPairs,
) -> Result<ChangeHeaders> {
    let relocation = relocation(&query)?;
    let copied = app.publish(move |store| Ok(store.copy_modules(&change, &relocation)?));
    Ok(copied.await?.0)
}

/// Moves modules and directories, in one commit
///
/// Sources and preconditions are those of `/copy`. The key must allow DELETE in addition to POST.
#[utoipa::path(post, operation_id = "move_modules", path = "/move", tag = "modules",
    params(WriteHeaders, PathConditionHeaders, RelocationQuery),
    responses((status = 200, description = "The modules are moved"), WriteProblems))]
pub(in crate::http) async fn relocate(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    WriteHeaders(change): WriteHeaders,
    QueryParams(query): QueryPairs,
) -> Result<ChangeHeaders> {
    caller.require(&Method::DELETE, MOVE_REFUSED)?;
    let relocation = relocation(&query)?;
    let moved = app.publish(move |store| Ok(store.move_modules(&change, &relocation)?));
    Ok(moved.await?.0)
}

/// Removes the modules that names and globs select, in one commit
///
/// A precondition is checked against the entity tag of the whole tree. A glob has the syntax of gitignore(5), and must match something.
#[utoipa::path(delete, operation_id = "remove_modules", path = "/modules", tag = "modules",
    params(WriteHeaders, PathConditionHeaders, RemovalQuery),
    responses((status = 200, description = "The modules are removed"), WriteProblems))]
pub(in crate::http) async fn remove_selected(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    QueryParams(query): QueryPairs,
) -> Result<ChangeHeaders> {
    let names = names(&query, "name")?;
    let parsed = names.into_iter().map(ModulePattern::parse);
    let patterns = parsed.collect::<Result<Vec<_>, _>>()?;
    let directories = match flag(&query, "recursive")? {
        true => DirectoryRemoval::Recursive,
        false => DirectoryRemoval::Refuse,
    };
    let removed =
        app.publish(move |store| Ok(store.remove_selected(&change, &patterns, directories)?));
    Ok(removed.await?.0)
}

fn relocation(query: &[(String, String)]) -> Result<Relocation> {
    let sources = names(query, "from")?.into_iter().map(TreePattern::parse);
    let [to] = names(query, "to")?[..] else {
        return Err(Failure::malformed("the parameter `to` must be given once"));
    };
    Ok(Relocation {
        sources: sources.collect::<Result<Vec<_>, _>>()?,
        destination: Destination::parse(to)?,
        existing: match flag(query, "force")? {
            true => ExistingModules::Replace,
            false => ExistingModules::Refuse,
        },
    })
}

/// Returns all values of a query parameter. There must be at least one.
fn names<'q>(query: &'q [(String, String)], key: &str) -> Result<Vec<&'q str>> {
    let values = query.iter().filter(|(name, _)| name == key);
    let values: Vec<_> = values.map(|(_, value)| value.as_str()).collect();
    if values.is_empty() || values.iter().any(|value| value.is_empty()) {
        return Err(Failure::malformed(format!("`{key}` is missing or empty")));
    }
    if values.len() > NAMES_MAX {
        let detail = format!("there are more than {NAMES_MAX} `{key}`");
        return Err(Failure::malformed(detail));
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
