//! `/versions` and `/version`: what a path had.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::http::commit_header::At;
use crate::http::error::{Failure, Result};
use crate::http::extract::{Reading, Rest, Wanted};
use crate::http::json::Json;
use crate::http::module::response::AskedBy;
use crate::http::openapi::{Bytes, ModuleProblems, ReadProblems};
use crate::http::state::App;
use crate::names::ModulePath;
use crate::wire::schema::VersionSchema;

/// Lists the versions of a path, the oldest first
#[utoipa::path(get, operation_id = "list_versions", path = "/api/v1/versions/{path}", tag = "history",
    params(Reading),
    responses((status = 200, description = "Pairs of hash and commit", body = Vec<VersionSchema>), ReadProblems))]
pub(in crate::http) async fn list(
    State(app): State<App>,
    Reading(at): Reading,
    path: Rest,
) -> Result<Response> {
    let path = path.parse(ModulePath::parse)?;
    let (commit, versions) = app
        .run(move |store| Ok(store.as_of(&at, |at| store.versions(at, &path))?))
        .await?;
    let pair =
        |version: &crate::store::Version| [version.hash.to_string(), version.commit.to_string()];
    let versions: Vec<_> = versions.iter().map(pair).collect();
    Ok((At(commit), Json(&versions)).into_response())
}

/// Gets a version of a path, counted from the oldest, which is 0
#[utoipa::path(
    get,
    operation_id = "get_version",
    path = "/api/v1/version/{index}/{path}",
    tag = "history",
    params(Reading, Wanted),
    responses(Bytes, ModuleProblems)
)]
pub(in crate::http) async fn get(
    State(app): State<App>,
    Reading(at): Reading,
    Rest(rest): Rest,
    Wanted(headers): Wanted,
) -> Result<Response> {
    let (index, path) = rest.split_once('/').ok_or_else(|| {
        Failure::malformed("a number and a path are needed: /version/<index>/<path>")
    })?;
    let (index, path) = (number(index)?, ModulePath::parse(path)?);
    let version = app
        .run(move |store| Ok(store.version(&at, &path, index)?))
        .await?;
    let at = crate::store::Revision::Commit(version.commit);
    let find = move |_: &crate::store::Store, _: &_| Ok(version.hash);
    app.answer(&headers, at, find, AskedBy::Path).await
}

/// The number of a version; none has one that is too large for a number.
fn number(digits: &str) -> Result<usize> {
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        let detail = "a version is named by its number, counted from 0";
        return Err(Failure::malformed(detail));
    }
    let too_large = || {
        Failure::new(
            StatusCode::NOT_FOUND,
            format!("there is no version {digits}"),
        )
    };
    digits.parse().map_err(|_| too_large())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_digits_is_a_number() {
        for (digits, index) in [("0", 0), ("007", 7)] {
            assert_eq!(number(digits), Ok(index), "{digits}");
        }
        let too_large = number(&"9".repeat(40)).unwrap_err();
        assert_eq!(too_large.status(), StatusCode::NOT_FOUND);
        for text in ["", "+1", "-1", "1.0", "0x1", "\u{663}", "one"] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
