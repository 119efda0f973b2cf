//! Receives a small JSON body that is charged to the memory budget.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use crate::budget::Charge;
use crate::http::error::{Failure, Result};
use crate::http::state::App;
use crate::http::upload::body::{RequestBody, content_length, has_media_type};
use crate::http::upload::decoding::content_coding;

/// The maximum length of a body, in bytes.
const BYTES_MAX: usize = 1 << 20;

/// The memory that is charged for each byte of a body, in bytes. It covers the body and the parsed values: a short string takes more memory
/// than its JSON text.
const MEMORY_PER_BYTE: u64 = 16;

/// An optional JSON body. A body counts as absent if it is empty, because some clients send the media type `application/json` with every
/// request. It also counts as absent if it has another media type, because clients that know only the query parameters may send any body.
pub(in crate::http) struct JsonBody<T> {
    /// The value; `None` if the request has no JSON body, or the body is `null`.
    pub value: Option<T>,
    /// The charge for the memory of the value. It is held until the request is done.
    _charge: Option<Charge>,
}

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let announced = content_length(request.headers());
        if !has_media_type(request.headers(), "application/json") || announced == Some(0) {
            return Ok(Self {
                value: None,
                _charge: None,
            });
        }
        let (parts, body) = request.into_parts();
        let headers = &parts.headers;
        if content_coding(headers)?.is_some() {
            let detail = "this body must not be compressed";
            return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        if announced.is_some_and(|length| length > BYTES_MAX as u64) {
            return Err(too_large());
        }
        let charge = app.charge(memory_bytes(announced)).await?;
        let body = RequestBody::new((parts.version, headers), body, app.limits);
        let text = body.collect(BYTES_MAX, too_large).await?;
        let value = match text.as_slice() {
            [] => Ok(None),
            text => serde_json::from_slice::<Option<T>>(text),
        };
        let value = value.map_err(|error| {
            Failure::malformed(format!("the body is not the expected JSON: {error}"))
        })?;
        Ok(Self {
            value,
            _charge: Some(charge),
        })
    }
}

/// Returns the memory for a body of this length, in bytes. If the length is unknown, returns the memory for the largest body.
fn memory_bytes(announced: Option<u64>) -> u64 {
    announced.unwrap_or(BYTES_MAX as u64) * MEMORY_PER_BYTE
}

fn too_large() -> Failure {
    let detail = format!("the body is larger than {BYTES_MAX} bytes");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_body_is_charged_little() {
        assert_eq!(memory_bytes(Some(64)), 1024);
        assert_eq!(memory_bytes(Some(BYTES_MAX as u64)), 16 << 20);
        assert_eq!(memory_bytes(None), 16 << 20);
    }
}
