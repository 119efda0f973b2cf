//! `/wasmstore.git`: the store for git to clone, fetch from and push to.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::http::error::{Failure, Result};
use crate::http::git::{self, Decoder, Feed, missing};
use crate::http::listener::ShutdownGuard;
use crate::http::middleware::auth::Caller;
use crate::http::state::App;
use crate::http::upload::body::Receiving;
use crate::remote::GitService;

/// Tells the refs, and what the service can do.
pub(in crate::http) async fn refs(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    app.git.as_ref().ok_or_else(missing)?;
    let service = git::asked_for(&uri).ok_or_else(dumb)?;
    let asked = git::asked(service, &headers, &caller);
    let body = app.serve_git(asked, None).await?;
    Ok(answer(&app, service.advertisement_type(), body))
}

/// Answers a step of a clone or a fetch.
pub(in crate::http) async fn upload_pack(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response> {
    let bytes_max = app.limits.fetch_bytes_max;
    serve(app, (GitService::UploadPack, bytes_max), &caller, request).await
}

/// Takes in a push.
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
    app.git.as_ref().ok_or_else(missing)?;
    let (head, body) = request.into_parts();
    let headers = &head.headers;
    let given = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if given != Some(service.request_type().as_bytes()) {
        let detail = format!("Content-Type has to be {}", service.request_type());
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let decoder = Decoder::new(headers, bytes_max)?;
    let body = Receiving::new((head.version, headers), body, app.limits);
    let asked = git::asked(service, headers, caller);
    let request = git::Request {
        feed: Feed::new(body, decoder),
        bytes_max,
        hold: head.extensions.get::<ShutdownGuard>().cloned(),
    };
    let body = app.serve_git(asked, Some(request)).await?;
    Ok(answer(&app, service.result_type(), body))
}

fn answer(app: &App, media_type: &'static str, body: Body) -> Response {
    let control = match app.is_private {
        true => "private, no-cache, max-age=0, must-revalidate",
        false => "no-cache, max-age=0, must-revalidate",
    };
    let headers = [(CONTENT_TYPE, media_type), (CACHE_CONTROL, control)];
    (headers, body).into_response()
}

/// 403, as git itself answers.
fn dumb() -> Failure {
    let detail = "only git's smart protocol is spoken here: `service` is to be git-upload-pack or git-receive-pack";
    Failure::new(StatusCode::FORBIDDEN, detail)
}
