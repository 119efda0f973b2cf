//! `GET /watch`: sends the commits of a branch over a WebSocket.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::http::commit_header::CommitHeader;
use crate::http::error::{Failure, Result};
use crate::http::extract::reject_commit_header;
use crate::http::listener::ShutdownGuard;
use crate::http::middleware::auth::{SocketKey, WEBSOCKET_PROTOCOL};
use crate::http::openapi::WatchProblems;
use crate::http::percent;
use crate::http::state::App;
use crate::http::watch::{EventFormat, Subscriber, run_session};
use crate::names::{BranchName, Glob};
use crate::store::{EventFilter, Revision};
use crate::wire::{EVENT_BYTES_MAX, WATCH_GLOBS_BYTES_MAX, WATCH_GLOBS_MAX};

/// The size of the read buffer of a WebSocket, in bytes. It is allocated for each WebSocket.
const READ_BUFFER_BYTES: usize = 4 << 10;
/// How many bytes may wait to be written to a WebSocket: one message and a few pongs.
const WRITE_BUFFER_BYTES_MAX: usize = EVENT_BYTES_MAX + (64 << 10);
/// The maximum payload of a control frame (RFC 6455, section 5.5), in bytes. Control frames are accepted even if the limit on messages is
/// smaller.
const CONTROL_BYTES_MAX: usize = 125;

type Params = Result<Query<Vec<(String, String)>>, QueryRejection>;
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Sends the changes of each commit, over a WebSocket
#[utoipa::path(
    get,
    operation_id = "watch",
    path = "/watch",
    tag = "history",
    params(
        ("branch" = Option<String>, Query, description = "The branch, unless a header names one; by default the default branch"),
        ("since" = Option<String>, Query, description = "The commit, or another revision, after which to begin; by default the branch's tip"),
        ("path" = Option<Vec<String>>, Query, description = "Send only changes of modules that this glob, as in gitignore(5), selects. It may be repeated, \
            up to 64 times. With `commits`, an event without changes says how far the branch was read: of commits without selected changes, at most one per second is \
            sent, and the last one always"),
        ("commits" = Option<bool>, Query, description = "Whether to send each commit together with its changes"),
    ),
    responses((status = 101, description = "A JSON text for each commit follows"), WatchProblems)
)]
pub(in crate::http) async fn watch(
    State(app): State<App>,
    guard: Option<Extension<ShutdownGuard>>,
    key: Option<Extension<SocketKey>>,
    headers: HeaderMap,
    params: Params,
    upgrade: Upgrade,
) -> Result<Response> {
    let upgrade = upgrade.map_err(upgrade_failure)?;
    check_websocket_key(&headers)?;
    reject_commit_header(&headers)?;
    let Query(params) = params.map_err(|error| Failure::malformed(error.body_text()))?;
    let query = WatchQuery::parse(&headers, &params)?;
    let branch = app.branch(query.branch);
    let since = match query.since.map(|since| since.on_branch(branch.clone())) {
        None => None,
        Some(Revision::Commit(commit)) => Some(commit),
        Some(since) => {
            let commit = app.run_read(move |store| Ok(store.commit_id(&since)?));
            Some(commit.await?)
        }
    };
    let registry = Arc::clone(&app.watch_registry);
    let permit = registry.socket_permit()?;
    let mut subscriber = Subscriber::subscribe(
        Arc::clone(&registry),
        branch,
        (query.format, query.filter),
        since,
    )
    .await?;
    let commit = subscriber.commit();
    let message_bytes_max = registry
        .limits
        .socket_message_bytes_max
        .max(CONTROL_BYTES_MAX);
    let response = upgrade
        .protocols([WEBSOCKET_PROTOCOL]) // A subprotocol that carries a key is never echoed.
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(message_bytes_max)
        .max_frame_size(message_bytes_max)
        .on_upgrade(async move |socket| {
            let _permit = permit;
            let key = key.map(|Extension(key)| key);
            let session = run_session(socket, &registry, &mut subscriber, key);
            match guard {
                Some(Extension(guard)) => drop(guard.run(session).await),
                None => session.await,
            }
        });
    Ok((CommitHeader(commit), response).into_response())
}

/// The branch, the first commit and the format that a client of the watch endpoint requests.
struct WatchQuery {
    branch: Option<BranchName>,
    since: Option<Revision>,
    format: EventFormat,
    filter: EventFilter,
}

impl WatchQuery {
    /// Parses the header `Wasmstore-Branch` and the query parameters. The header takes precedence over the parameter `branch`. Unknown
    /// parameters are ignored.
    fn parse(headers: &HeaderMap, params: &[(String, String)]) -> Result<Self> {
        let param = |name: &str| {
            let found = params.iter().find(|(param, _)| param == name);
            found.map(|(_, value)| value.as_str())
        };
        let branch = match headers.get("wasmstore-branch") {
            Some(value) => Some(Cow::Owned(percent::decode_header(value)?)),
            None => param("branch").map(Cow::Borrowed),
        };
        Ok(Self {
            branch: branch
                .map(|branch| BranchName::parse(&branch))
                .transpose()?,
            since: param("since").map(Revision::parse).transpose()?,
            filter: filter(params)?,
            format: match param("commits") {
                None | Some("false") => EventFormat::Paths,
                Some("true") => EventFormat::PathsAndCommits,
                Some(_) => return Err(Failure::malformed("`commits` must be `true` or `false`")),
            },
        })
    }
}

/// Returns the filter that selects changed paths with the globs in the query parameters `path`.
fn filter(params: &[(String, String)]) -> Result<EventFilter> {
    let globs = params.iter().filter(|(param, _)| param == "path");
    let globs: Vec<_> = globs.map(|(_, glob)| glob.as_str()).collect();
    let bytes: usize = globs.iter().map(|glob| glob.len()).sum();
    if globs.len() > WATCH_GLOBS_MAX || bytes > WATCH_GLOBS_BYTES_MAX {
        let detail = format!(
            "there are more than {WATCH_GLOBS_MAX} `path`, or they have more than {WATCH_GLOBS_BYTES_MAX} bytes"
        );
        return Err(Failure::malformed(detail));
    }
    let globs = globs.into_iter().map(Glob::parse);
    Ok(EventFilter::new(globs.collect::<Result<_, _>>()?))
}

/// Checks that the nonce `Sec-WebSocket-Key` of the handshake is 16 bytes in base64 (RFC 6455, section 4.2.1). axum accepts any value.
fn check_websocket_key(headers: &HeaderMap) -> Result<()> {
    let mut keys = headers.get_all("sec-websocket-key").iter();
    let nonce = keys.next().and_then(|key| BASE64_STANDARD.decode(key).ok());
    if nonce.is_some_and(|nonce| nonce.len() == 16) && keys.next().is_none() {
        return Ok(());
    }
    Err(Failure::malformed(
        "Sec-WebSocket-Key is not 16 bytes in base64",
    ))
}

fn upgrade_failure(rejection: WebSocketUpgradeRejection) -> Failure {
    match rejection {
        WebSocketUpgradeRejection::WebSocketKeyHeaderMissing(_) => {
            Failure::malformed("Sec-WebSocket-Key is missing")
        }
        _ => Failure::new(
            StatusCode::UPGRADE_REQUIRED,
            "this endpoint is a WebSocket: connect with version 13 of that protocol",
        ),
    }
}
