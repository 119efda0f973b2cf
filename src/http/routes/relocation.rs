//! `/copy`, `/move` and the removal of several modules: writes that name several paths in the query.

use axum::Extension;
use axum::extract::State;
use axum::http::Method;
use serde::Deserialize;

use crate::http::commit_header::ChangeHeaders;
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, WriteHeaders};
use crate::http::middleware::auth::Caller;
use crate::http::openapi::WriteProblems;
use crate::http::state::App;
use crate::names::{Destination, ModulePattern, TreePath};
use crate::store::{DirectoryRemoval, ExistingModules, Relocation};

/// The maximum number of names in a request.
const NAMES_MAX: usize = 1_000;

/// The detail of the response to a key that may not remove modules.
const MOVE_REFUSED: &str = "the key does not allow DELETE, which a move needs, because it removes modules from their paths";

/// The query parameters of a copy or a move.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "only describes the parameters: serde_urlencoded does not collect repeated ones"
)]
pub(in crate::http) struct RelocationQuery {
    /// The path of a module or directory. It may be repeated, up to 1,000 times.
    #[param(min_items = 1, max_items = 1_000)]
    from: Vec<String>,
    /// Where to. In an existing directory, and in one that is written with a slash at its end, each source keeps its name. Otherwise there
    /// must be one source, which gets this path.
    to: String,
    /// Replace modules that are there already.
    #[serde(default)]
    force: bool,
}

/// The query parameters of a removal.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "only describes the parameters, like `RelocationQuery`"
)]
pub(in crate::http) struct RemovalQuery {
    /// A path, hash, digest or glob. It may be repeated, up to 1,000 times.
    #[param(min_items = 1, max_items = 1_000)]
    name: Vec<String>,
    /// Remove directories with everything in them.
    #[serde(default)]
    recursive: bool,
}

/// The query parameters of a request, in order.
pub(in crate::http) type QueryPairs = QueryParams<Vec<(String, String)>>;

/// Copies modules and directories, in one commit
///
/// The entity tag in a precondition is that of the only source, or of the whole tree if there are several.
#[utoipa::path(post, operation_id = "copy_modules", path = "/copy", tag = "modules",
    params(WriteHeaders, RelocationQuery),
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
/// The entity tag in a precondition is that of the only source, or of the whole tree if there are several. A key needs DELETE in
/// addition to POST.
#[utoipa::path(post, operation_id = "move_modules", path = "/move", tag = "modules",
    params(WriteHeaders, RelocationQuery),
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
/// The entity tag in a precondition is that of the whole tree. A glob is one as in gitignore(5), and must match something.
#[utoipa::path(delete, operation_id = "remove_modules", path = "/modules", tag = "modules",
    params(WriteHeaders, RemovalQuery),
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
    let sources = names(query, "from")?.into_iter().map(TreePath::parse);
    let [to] = names(query, "to")?[..] else {
        return Err(Failure::malformed("there must be one `to`"));
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

/// Returns the values of a repeated parameter, at least one.
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
