//! Serves the files that pages load: the style sheet, the script and the icon.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::error::{Failure, Result};
use crate::http::extract::UrlTail;
use crate::web::assets;

/// The value of `Cache-Control`. The name of a file contains a hash of its content, so the content never changes. The files are the same
/// for all users.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

pub(super) async fn get(UrlTail(name): UrlTail) -> Result<Response> {
    let asset = assets::find(&name)
        .ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "there is no such file"))?;
    let media_type = HeaderValue::from_static(asset.media_type);
    let headers = [(CONTENT_TYPE, media_type), (CACHE_CONTROL, IMMUTABLE)];
    Ok((headers, asset.bytes).into_response())
}
