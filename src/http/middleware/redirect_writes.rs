//! Redirects or refuses writes on a replica.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::error::Failure;
use crate::http::middleware::auth::required_method;
use crate::http::pages;
use crate::names::ServerUrl;
use crate::remote::Replica;

/// The endpoint that writes nothing, even if the method of the request is POST or PUT.
const AUTH_PATH: &str = "/api/v1/auth";

/// How a replica responds to requests that write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaWrites {
    /// The replica responds with 307 and the URL of the primary. The client sends the request again to the primary, including its body.
    Redirect(ServerUrl),
    /// The replica responds with 403.
    Refuse,
}

/// Redirects or refuses requests that write to a replica, until the replica is promoted. The path must be normalized. This layer must not
/// be on a nested router, because axum removes a prefix of the path there.
pub(in crate::http) async fn redirect_writes(
    State((replica, writes)): State<(Arc<Replica>, Arc<ReplicaWrites>)>,
    request: Request,
    next: Next,
) -> Response {
    if !is_write(&request) {
        return next.run(request).await;
    }
    // Reads the configuration again, because the follower may not have noticed yet that the replica was promoted. Reading this small file
    // takes less time than a switch to a blocking thread.
    match replica.store().is_still_replica() {
        Ok(true) => refusal(&writes, &request).into_response(),
        Ok(false) => next.run(request).await,
        Err(error) => Failure::from(error).into_response(),
    }
}

fn is_write(request: &Request) -> bool {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS];
    let path = request.uri().path();
    // A form of this server's web UI cannot be sent to the web UI of the primary. The pages themselves refuse writes on a replica.
    if pages::is_page(path) {
        return false;
    }
    (!reads.contains(required_method(request)) && path != AUTH_PATH) || is_upload(path)
}

/// Returns whether a path is the URL of an OCI upload, `/v2/<name>/blobs/uploads/<id>`. An upload exists only on the primary, so requests
/// that read its state are redirected too.
fn is_upload(path: &str) -> bool {
    let from_end: Vec<&str> = path.rsplitn(4, '/').collect();
    matches!(from_end.as_slice(), [_, "uploads", "blobs", name] if name.starts_with("/v2/"))
}

fn refusal(writes: &ReplicaWrites, request: &Request) -> Failure {
    match writes {
        ReplicaWrites::Redirect(primary) => {
            let path = request.uri().path_and_query();
            let location = primary.at(path.map_or("/", |path| path.as_str()));
            let detail = format!("this is a replica: send writes to {location}");
            Failure::new(StatusCode::TEMPORARY_REDIRECT, detail).with_header(LOCATION, location)
        }
        ReplicaWrites::Refuse => {
            let detail = "this is a replica: it does not accept writes";
            Failure::new(StatusCode::FORBIDDEN, detail)
        }
    }
}
