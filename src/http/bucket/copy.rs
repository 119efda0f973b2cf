//! Serves requests from a local copy of a store in a bucket. The copy must be complete, and as recent as the client requires.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::generation::unavailable;
use crate::http::error::{Failure, Result};
use crate::http::extract::QueryParams;
use crate::http::peers::{BucketServers, GENERATION};
use crate::http::state::App;

/// The request header with the lowest generation (version number of the shared store) that the copy may have.
pub(super) const MIN_GENERATION: &str = "wasmstore-min-generation";
/// How long a request waits until the local copy of the store is as recent as the header [`MIN_GENERATION`] requires.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// The endpoints that are answered even if this server's copy of the store is not complete.
const OPEN_PATHS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The query parameter with which a read requires the newest state of the bucket.
#[derive(Debug, Default, Deserialize)]
struct ConsistentQuery {
    #[serde(default)]
    consistent: bool,
}

/// Responds with 503 until the copy is complete: an incomplete copy would answer that modules do not exist. Waits until the copy is as
/// recent as the request requires. Adds the generation (version number) of the copy to the response.
///
/// This layer is inside of [`authorize`](crate::http::middleware::auth::authorize), so that only clients with an API key cause requests to
/// the bucket. It must not be on a nested router, because axum removes a prefix of the path there.
pub(in crate::http) async fn serve_copy(
    State((app, bucket)): State<(App, Arc<BucketServers>)>,
    request: Request,
    next: Next,
) -> Response {
    if !OPEN_PATHS.contains(&request.uri().path()) {
        let (method, uri) = (request.method(), request.uri());
        let prepared = prepare(&app, &bucket, (method, uri), request.headers());
        if let Err(failure) = prepared.await {
            return failure.into_response();
        }
    }
    // The copy may be updated while the response to a read is made. The header must not state a newer generation than the generation that
    // was read.
    let before = app.generation();
    let is_read = is_read(request.method());
    let mut response = next.run(request).await;
    let generation = if is_read { before } else { app.generation() };
    let header = response.headers_mut().entry(GENERATION);
    header.or_insert(generation.into());
    response
}

async fn prepare(
    app: &App,
    bucket: &BucketServers,
    (method, uri): (&Method, &Uri),
    headers: &HeaderMap,
) -> Result<()> {
    if !bucket.follower.is_complete() {
        let detail = "this server has not yet copied the store from the bucket; try again";
        return Err(unavailable(detail));
    }
    if let Some(generation) = min_generation(headers)? {
        app.await_generation(bucket, generation, WAIT_MAX).await?;
    }
    let query = uri.query().unwrap_or_default();
    if is_read(method) && query.contains("consistent") {
        let QueryParams(query) = QueryParams::<ConsistentQuery>::of(uri)?;
        if query.consistent {
            app.check_bucket(bucket).await?;
        }
    }
    Ok(())
}

/// Returns the value of the header [`MIN_GENERATION`], the lowest generation that the client accepts; `None` if the header is missing.
///
/// # Errors
/// 400 if the header is malformed.
fn min_generation(headers: &HeaderMap) -> Result<Option<u64>> {
    let mut values = headers.get_all(MIN_GENERATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let malformed =
        || Failure::malformed("Wasmstore-Min-Generation is malformed: it must be one number");
    let text = value.to_str().map_err(|_| malformed())?;
    // `parse` would also accept a leading `+`.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let generation = text.parse().ok();
    let generation = generation.filter(|_| is_number && values.next().is_none());
    generation.map(Some).ok_or_else(malformed)
}

fn is_read(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_minimum_generation_is_one_number() {
        let parse = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(MIN_GENERATION, HeaderValue::from_static(value));
            }
            min_generation(&headers)
        };
        assert_eq!(parse(&[]), Ok(None));
        assert_eq!(parse(&["0012"]), Ok(Some(12)));
        for values in [
            &[""][..],
            &["+1"],
            &["-1"],
            &["1.0"],
            &["x"],
            &["1", "1"],
            &["18446744073709551616"],
        ] {
            assert!(parse(values).is_err(), "{values:?}");
        }
    }
}
