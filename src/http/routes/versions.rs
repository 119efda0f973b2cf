//! `/versions` and `/version`: the versions that a path has had.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::error::{Failure, Result};
use crate::http::extract::{ModuleHeaders, ReadRevision, UrlTail};
use crate::http::json_items::{JsonItems, ListKind};
use crate::http::json_list::JsonList;
use crate::http::module::response::NamedBy;
use crate::http::openapi::{ModuleBytes, ModuleProblems, ReadProblems};
use crate::http::state::App;
use crate::names::ModulePath;
use crate::store::{Revision, Store, Version};
use crate::wire::schema::VersionSchema;

/// Lists the versions of a path, oldest first
#[utoipa::path(get, operation_id = "list_versions", path = "/versions/{*path}", tag = "history",
    params(ReadRevision),
    responses((status = 200, description = "Pairs of hash and commit", body = Vec<VersionSchema>), ReadProblems))]
pub(in crate::http) async fn list(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    tail: UrlTail,
) -> Result<Response> {
    let path = tail.parse(ModulePath::parse)?;
    // The position in the list is the number of versions that were listed so far.
    let list = JsonList::new(
        ListKind::Array,
        move |store, revision, after: Option<&usize>, items: &mut JsonItems| {
            let versions = store.version_list(revision, &path)?;
            let start = after.copied().unwrap_or(0);
            let mut rest = (start..).zip(versions.iter().skip(start));
            let first_left = rest.find(|(_, Version { hash, commit })| {
                !items.push(&[hash.to_string(), commit.to_string()])
            });
            Ok(first_left.map(|(position, _)| position))
        },
    );
    list.respond(&app, revision, None).await
}

/// Gets a version of a path by its number; 0 is the oldest
#[utoipa::path(
    get,
    operation_id = "get_version",
    path = "/version/{index}/{*path}",
    tag = "history",
    params(ReadRevision, ModuleHeaders),
    responses(ModuleBytes, ModuleProblems)
)]
pub(in crate::http) async fn get(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    UrlTail(tail): UrlTail,
    ModuleHeaders(headers): ModuleHeaders,
) -> Result<Response> {
    let (index, path) = tail.split_once('/').ok_or_else(|| {
        Failure::malformed("a number and a path are needed: /version/<index>/<path>")
    })?;
    let (index, path) = (parse_index(index)?, ModulePath::parse(path)?);
    let version = app
        .run_read(move |store| Ok(store.version(&revision, &path, index)?))
        .await?;
    let found_in = Revision::Commit(version.commit);
    let find = move |_: &Store, _: &Revision| Ok(version.hash);
    app.respond_with_module(&headers, found_in, find, NamedBy::Path)
        .await
}

/// Parses the number of a version. If the number does not fit into a `usize`, no version has it, so the error is 404 and not 400.
fn parse_index(digits: &str) -> Result<usize> {
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        let detail = "the version must be a number, counted from 0";
        return Err(Failure::malformed(detail));
    }
    digits.parse().map_err(|_| {
        let detail = format!("there is no version {digits}");
        Failure::new(StatusCode::NOT_FOUND, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_a_version_number() {
        for (digits, index) in [("0", 0), ("007", 7)] {
            assert_eq!(parse_index(digits), Ok(index), "{digits}");
        }
        let too_large = parse_index(&"9".repeat(40)).unwrap_err();
        assert_eq!(too_large.status(), StatusCode::NOT_FOUND);
        for text in ["", "+1", "-1", "1.0", "0x1", "\u{663}", "one"] {
            assert!(parse_index(text).is_err(), "{text}");
        }
    }
}
