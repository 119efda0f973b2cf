//! `GET /watch`: what happens to a branch, as it happens.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::http::commit_header::At;
use crate::http::error::{Failure, Result};
use crate::http::extract::refuse_commit;
use crate::http::listener::Hold;
use crate::http::metrics::{Counted, SOCKETS};
use crate::http::middleware::auth::{PROTOCOL, Pass};
use crate::http::openapi::WatchProblems;
use crate::http::percent;
use crate::http::state::App;
use crate::http::watch::End;
use crate::http::watch::Form;
use crate::http::watch::Hub;
use crate::http::watch::{Next, Seat};
use crate::http::watch::{Over, Socket};
use crate::names::{BranchName, CommitId};
use crate::wire::EVENT_BYTES_MAX;

/// The close code for a branch that was deleted; and for a commit that is not there (any more), so that the client has to list
/// anew.
const NO_BRANCH: u16 = 4410;
const NO_COMMIT: u16 = 4404;
/// The close code for a key that is not there any more, or may not GET any more.
const NO_KEY: u16 = 4401;
/// What is read from a connection at once; it is allocated for each.
const READ_BYTES: usize = 4 << 10;
/// The bytes that wait to be written: one text, and some answers to pings.
const WRITE_BYTES_MAX: usize = EVENT_BYTES_MAX + (64 << 10);
/// The largest payload of a ping, which is taken however small the limit on messages is.
const CONTROL_BYTES_MAX: usize = 125;

type Params = Result<Query<Vec<(String, String)>>, QueryRejection>;
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Tells what each commit changes, over a WebSocket
#[utoipa::path(
    get,
    operation_id = "watch",
    path = "/api/v1/watch",
    tag = "history",
    params(
        ("branch" = Option<String>, Query, description = "The branch, if no header names it; the default one otherwise"),
        ("since" = Option<String>, Query, description = "The commit after which to begin; the branch's tip otherwise"),
        ("commits" = Option<bool>, Query, description = "Whether to tell each commit with its changes"),
    ),
    responses((status = 101, description = "A JSON text for each commit follows"), WatchProblems)
)]
pub(in crate::http) async fn watch(
    State(app): State<App>,
    hold: Option<Extension<Hold>>,
    pass: Option<Extension<Pass>>,
    headers: HeaderMap,
    params: Params,
    upgrade: Upgrade,
) -> Result<Response> {
    let upgrade = upgrade.map_err(refusal)?;
    check_key(&headers)?;
    refuse_commit(&headers)?;
    let Query(params) = params.map_err(|error| Failure::malformed(error.body_text()))?;
    let subscription = Subscription::parse(&headers, &params)?;
    let hub = Arc::clone(&app.hub);
    let room = hub.admit()?;
    let feed = hub.feed(app.branch(subscription.branch)).await?;
    let mut seat = Seat::take(
        Arc::clone(&hub),
        feed,
        subscription.form,
        subscription.since,
    )
    .await?;
    let commit = seat.commit();
    let message_bytes_max = hub.limits.socket_message_bytes_max.max(CONTROL_BYTES_MAX);
    let response = upgrade
        .protocols([PROTOCOL]) // A key that is offered beside it is never echoed.
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BYTES_MAX)
        .max_message_size(message_bytes_max)
        .max_frame_size(message_bytes_max)
        .on_upgrade(async move |socket| {
            let _room = room;
            let pass = pass.map(|Extension(pass)| pass);
            let conversation = converse(socket, &hub, &mut seat, pass);
            match hold {
                Some(Extension(hold)) => drop(hold.run(conversation).await),
                None => conversation.await,
            }
        });
    Ok((At(commit), response).into_response())
}

/// Tells all there is to tell, until one side has enough.
async fn converse(socket: WebSocket, hub: &Hub, seat: &mut Seat, pass: Option<Pass>) {
    let _open = Counted::one_of(SOCKETS);
    let mut socket = Socket::new(socket, &hub.limits, hub.closing.clone());
    let over = tokio::select! {
        over = tell(&mut socket, seat) => over,
        () = revoked(pass) => Over::Leave(NO_KEY, "the key is not valid any more"),
    };
    tracing::debug!(?over, "a watcher leaves");
    socket.finish(over).await;
}

/// Waits until the key is revoked with which the client came, if it came with one.
async fn revoked(pass: Option<Pass>) {
    match pass {
        Some(mut pass) => pass.is_revoked().await,
        None => std::future::pending().await,
    }
}

async fn tell(socket: &mut Socket, seat: &mut Seat) -> Over {
    loop {
        let next = tokio::select! {
            next = seat.next() => next,
            over = socket.listen() => return over,
        };
        match next {
            Next::Tell(texts) => {
                for text in texts.iter() {
                    if let Err(over) = socket.tell(text.clone()).await {
                        return over;
                    }
                }
            }
            Next::End(End::NoBranch) => return Over::Leave(NO_BRANCH, "the branch was deleted"),
            Next::End(End::NoCommit) => {
                return Over::Leave(NO_COMMIT, "there is no such commit; list anew");
            }
            Next::End(End::Failed) => return Over::Leave(1011, "the store failed"),
        }
    }
}

/// What a client asks for.
struct Subscription {
    branch: Option<BranchName>,
    since: Option<CommitId>,
    form: Form,
}

impl Subscription {
    /// Reads the header and the query. The header has precedence; what is not known in the query is ignored.
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
            since: param("since").map(CommitId::parse).transpose()?,
            form: match param("commits") {
                None | Some("false") => Form::Changes,
                Some("true") => Form::Commits,
                Some(_) => return Err(Failure::malformed("`commits` is `true` or `false`")),
            },
        })
    }
}

/// The nonce of the handshake is 16 bytes in base64 (RFC 6455, 4.2.1); axum takes anything.
fn check_key(headers: &HeaderMap) -> Result<()> {
    let mut keys = headers.get_all("sec-websocket-key").iter();
    let nonce = keys.next().and_then(|key| BASE64_STANDARD.decode(key).ok());
    if nonce.is_some_and(|nonce| nonce.len() == 16) && keys.next().is_none() {
        return Ok(());
    }
    Err(Failure::malformed(
        "Sec-WebSocket-Key is not 16 bytes in base64",
    ))
}

fn refusal(rejection: WebSocketUpgradeRejection) -> Failure {
    match rejection {
        WebSocketUpgradeRejection::WebSocketKeyHeaderMissing(_) => {
            Failure::malformed("Sec-WebSocket-Key is missing")
        }
        _ => Failure::new(
            StatusCode::UPGRADE_REQUIRED,
            "this is a WebSocket: connect with version 13 of that protocol",
        ),
    }
}
