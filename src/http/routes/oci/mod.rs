//! The OCI registry API (OCI distribution specification 1.1), below `/v2`.
//!
//! The name of a repository may contain slashes, so a URL is parsed from its end. Errors are in the JSON form of the specification.
//! Responses are never compressed, because clients need `Content-Length`.

mod blobs;
mod bytes;
mod errors;
mod lists;
mod manifests;
mod uploads;
mod url;

use axum::extract::{Request, State};
use axum::http::header::ALLOW;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::http::error::{Failure, Result};
use crate::http::extract::UrlTail;
use crate::http::json::Json;
use crate::http::state::App;
use url::OciUrl;

pub(in crate::http) use errors::oci_errors;

/// Responds with 200, which tells OCI clients that the server has the registry API. A client that needs an API key gets a 401 from the
/// authorization layer instead.
pub(in crate::http) async fn base() -> Response {
    Json(&json!({})).into_response()
}

/// Responds to requests for all URLs below `/v2/`, the URLs of the registry API.
pub(in crate::http) async fn serve(
    State(app): State<App>,
    UrlTail(tail): UrlTail,
    request: Request,
) -> Result<Response> {
    let url = OciUrl::parse(&tail)?;
    let (parts, body) = request.into_parts();
    let allowed = url.allowed_methods();
    match (url, parts.method.clone()) {
        (OciUrl::Catalog, Method::GET | Method::HEAD) => lists::catalog(app, parts).await,
        (OciUrl::Tags(name), Method::GET | Method::HEAD) => lists::tags(app, name, parts).await,
        (OciUrl::Referrers(name, digest), Method::GET | Method::HEAD) => {
            lists::referrers(app, name, digest, parts).await
        }
        (OciUrl::Manifest(name, reference), Method::GET | Method::HEAD) => {
            manifests::get(app, name, reference, parts).await
        }
        (OciUrl::Manifest(name, reference), Method::PUT) => {
            manifests::put(app, name, reference, parts, body).await
        }
        (OciUrl::Manifest(name, reference), Method::DELETE) => {
            manifests::delete(app, name, reference, parts).await
        }
        (OciUrl::Blob(name, digest), Method::GET | Method::HEAD) => {
            blobs::get(app, name, digest, parts).await
        }
        (OciUrl::Blob(name, digest), Method::DELETE) => {
            blobs::delete(app, name, digest, parts).await
        }
        (OciUrl::Uploads(name), Method::POST) => uploads::begin(app, name, parts, body).await,
        (OciUrl::Upload(name, id), Method::GET | Method::HEAD) => {
            uploads::status(app, name, id).await
        }
        (OciUrl::Upload(name, id), Method::PATCH) => {
            uploads::append(app, name, id, parts, body).await
        }
        (OciUrl::Upload(name, id), Method::PUT) => {
            uploads::complete(app, name, id, parts, body).await
        }
        (OciUrl::Upload(name, id), Method::DELETE) => uploads::cancel(app, name, id).await,
        _ => Err(Failure::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "the endpoint does not support this method",
        )
        .with_header(ALLOW, allowed)),
    }
}

/// Says that packages are pulled through the OCI registry API. The client wkg requests this (wasm-pkg-tools, "registry metadata").
pub(in crate::http) async fn wasm_pkg() -> Response {
    Json(&json!({ "preferredProtocol": "oci" })).into_response()
}
