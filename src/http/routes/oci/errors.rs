//! The error responses of the OCI registry API (OCI distribution specification 1.1, "Error Codes").

use axum::extract::Request;
use axum::http::header::{ACCEPT, ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::http::error::{Failure, status};
use crate::http::json::Json;
use crate::oci::{self, ErrorCode};

impl From<oci::Error> for Failure {
    fn from(error: oci::Error) -> Self {
        let code = error.code();
        let failure = match error {
            oci::Error::Store(error) => Self::from(error),
            // The blob exists, so this is no 404. But it is part of a module on the default branch, so DELETE is not allowed for it.
            oci::Error::BlobInUse(_) | oci::Error::ConfigurationInUse => {
                Self::new(StatusCode::METHOD_NOT_ALLOWED, error.to_string())
                    .with_header(ALLOW, "GET, HEAD")
            }
            error => Self::new(status(error.kind()), error.to_string()),
        };
        failure.with_oci_code(code)
    }
}

fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let accepted = headers.get_all(ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.contains(media_type))
}

/// Replaces the text of every error response below `/v2` by the JSON error of the OCI specification.
pub(in crate::http) async fn oci_errors(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path != "/v2" && !path.starts_with("/v2/") {
        return next.run(request).await;
    }
    // This project's own client accepts problem documents, and gets them from all endpoints.
    let accepts_problems = accepts(request.headers(), "application/problem+json");
    let mut response = next.run(request).await;
    if accepts_problems {
        return response;
    }
    let Some(failure) = response.extensions_mut().remove::<Failure>() else {
        return response;
    };
    let code = failure.oci_code().unwrap_or(match response.status() {
        StatusCode::UNAUTHORIZED => ErrorCode::Unauthorized,
        StatusCode::FORBIDDEN | StatusCode::CONFLICT => ErrorCode::Denied,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::SizeInvalid,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::INSUFFICIENT_STORAGE => ErrorCode::TooManyRequests,
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            ErrorCode::Unknown
        }
        _ => ErrorCode::Unsupported,
    });
    let errors = json!({ "errors": [{ "code": code.as_str(), "message": failure.to_string() }] });
    let (parts, _) = response.into_parts();
    let mut response = Json(&errors).into_response();
    *response.status_mut() = parts.status;
    for (name, value) in &parts.headers {
        if name != CONTENT_TYPE && name != CONTENT_LENGTH {
            response.headers_mut().append(name, value.clone());
        }
    }
    let media_type = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
