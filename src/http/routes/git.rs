//! `/wasmstore.git`: the store as a git repository that clients clone, fetch from and push to.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::http::error::{Failure, Result};
use crate::http::git::{GitBodyDecoder, GitRequestBody, StdinWriter, git_not_installed};
use crate::http::git_url::requested_service;
use crate::http::listener::{HoldsNoMemory, ShutdownGuard};
use crate::http::middleware::auth::Caller;
use crate::http::state::App;
use crate::http::upload::body::RequestBody;
use crate::remote::{GitRequest, GitService};

/// Responds with the refs and the capabilities of a git service.
pub(in crate::http) async fn refs(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    app.git.as_ref().ok_or_else(git_not_installed)?;
    let service = requested_service(&uri).ok_or_else(smart_protocol_only)?;
    check_bucket(&app).await;
    let request = git_request(service, &headers, &caller);
    let body = app.serve_git(request, caller.key(), None).await?;
    Ok(git_response(&app, service.advertisement_type(), body))
}

/// If the store is in a bucket, updates this server's copy to the state that the bucket has now.
async fn check_bucket(app: &App) {
    if let Some(bucket) = app.bucket.clone()
        && let Err(error) = app.check_bucket(&bucket).await
    {
        // If the bucket does not respond, a fetch from a copy that may be old is better than an error.
        tracing::debug!(%error, "serving git from a copy that may be old");
    }
}

/// Responds to one request of a clone or fetch.
pub(in crate::http) async fn upload_pack(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response> {
    // With version 2 of git's protocol, the client lists the refs with one of these requests. The client may also request a commit that it
    // has seen on another server of the bucket.
    check_bucket(&app).await;
    let bytes_max = app.limits.fetch_bytes_max;
    serve(app, (GitService::UploadPack, bytes_max), &caller, request).await
}

/// Responds to a push.
pub(in crate::http) async fn receive_pack(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response> {
    let bytes_max = app.limits.push_bytes_max;
    serve(app, (GitService::ReceivePack, bytes_max), &caller, request).await
}

async fn serve(
    app: App,
    (service, bytes_max): (GitService, u64),
    caller: &Caller,
    request: Request,
) -> Result<Response> {
    app.git.as_ref().ok_or_else(git_not_installed)?;
    let (head, body) = request.into_parts();
    let headers = &head.headers;
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if content_type != Some(service.request_type().as_bytes()) {
        let detail = format!("Content-Type must be {}", service.request_type());
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let decoder = GitBodyDecoder::new(headers, bytes_max, app.memory.empty_charge())?;
    let body = RequestBody::new((head.version, headers), body, app.limits);
    let body_request = GitRequestBody {
        stdin: StdinWriter::new(body, decoder),
        bytes_max,
        guard: head.extensions.get::<ShutdownGuard>().cloned(),
    };
    let request = git_request(service, headers, caller);
    let response_body = app
        .serve_git(request, caller.key(), Some(body_request))
        .await?;
    Ok(git_response(&app, service.result_type(), response_body))
}

fn git_request(service: GitService, headers: &HeaderMap, caller: &Caller) -> GitRequest {
    let protocol = headers.get("git-protocol");
    GitRequest {
        service,
        protocol: protocol
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        pusher: caller.pusher(),
    }
}

fn git_response(app: &App, media_type: &'static str, body: Body) -> Response {
    let control = if app.is_private {
        "private, no-cache, max-age=0, must-revalidate"
    } else {
        "no-cache, max-age=0, must-revalidate"
    };
    let headers = [(CONTENT_TYPE, media_type), (CACHE_CONTROL, control)];
    // The response is not charged to the memory budget, because it buffers no more of git's output than a pipe holds. `--git-read-timeout`
    // limits how slowly the client may read the response.
    (headers, Extension(HoldsNoMemory), body).into_response()
}

/// Creates the response to a client that does not use git's smart protocol: 403, as from git-http-backend(1).
fn smart_protocol_only() -> Failure {
    let detail = "only git's smart protocol is supported: `service` must be git-upload-pack or git-receive-pack";
    Failure::new(StatusCode::FORBIDDEN, detail)
}
