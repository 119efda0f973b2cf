//! Finds out what became of a write that another server may have made, too.

use axum::response::{IntoResponse as _, Response};

use crate::http::error::Failure;
use crate::http::state::App;
use crate::store::{RequestEnd, RequestId, Store};

/// Returns the response to a request that another server may have, too, after it has made sure that the other one does not make the write
/// later. If that is not possible, the response becomes a 500: an error says that nothing was changed, and a success may
/// have changed nothing, because the module was there already.
pub(super) async fn without_other_result(
    app: &App,
    request: RequestId,
    response: Response,
) -> Response {
    let status = response.status();
    if status.is_server_error() {
        return with_doubt(response);
    }
    let exclude = move |store: &Store| Ok(store.exclude_request(&request)?);
    match app.run_write(exclude).await {
        Ok(RequestEnd::Excluded) => response,
        // The change was made once, by this server or by the other one.
        Ok(RequestEnd::Applied) if status.is_success() => response,
        Ok(RequestEnd::Applied) | Err(_) => with_doubt(response),
    }
}

/// Turns a response into a 500: the other server may have made the write, or may still make it if the request reaches it late.
fn with_doubt(response: Response) -> Response {
    let reason = response.extensions().get::<Failure>();
    let reason = match reason {
        Some(failure) => failure.to_string(),
        None if response.status().is_success() => {
            "the result cannot be recorded in the bucket".to_owned()
        }
        None => "the server is busy".to_owned(),
    };
    let detail = format!(
        "{reason}; another server, which did not respond in time, may have made the change"
    );
    tracing::warn!(detail, "the result of a request is not known");
    Failure::unconfirmed_write(detail).into_response()
}
