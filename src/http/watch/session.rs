//! The session of one watcher: sends the messages of a subscriber until one side closes the WebSocket.

use axum::extract::ws::{WebSocket, close_code};

use super::branch_feed::FeedEnd;
use super::registry::WatchRegistry;
use super::socket::{SocketEnd, WatchSocket};
use super::subscriber::{NextMessages, Subscriber};
use crate::http::metrics::{GaugeGuard, SOCKETS};
use crate::http::middleware::auth::SocketKey;

/// The WebSocket close code if the watched branch was deleted.
const BRANCH_DELETED: u16 = 4410;
/// The close code if the commit after which the events should begin does not exist or was deleted. The client must list the modules again.
const UNKNOWN_COMMIT: u16 = 4404;
/// The close code if the API key of the client was removed or no longer allows GET.
const KEY_REVOKED: u16 = 4401;

/// Runs a session to its end.
pub(in crate::http) async fn run_session(
    socket: WebSocket,
    registry: &WatchRegistry,
    subscriber: &mut Subscriber,
    key: Option<SocketKey>,
) {
    let _counted = GaugeGuard::increment(SOCKETS);
    let mut socket = WatchSocket::new(socket, &registry.limits, registry.shutdown.clone());
    let end = tokio::select! {
        end = send_messages(&mut socket, subscriber) => end,
        () = key_revoked(key) => SocketEnd::Close(KEY_REVOKED, "the key is not valid any more"),
    };
    tracing::debug!(?end, "a watch session ended");
    socket.finish(end).await;
}

/// Waits until the API key of the client is revoked or its session ends. If the server has no API keys, waits forever.
async fn key_revoked(key: Option<SocketKey>) {
    match key {
        Some(mut key) => key.revoked().await,
        None => std::future::pending().await,
    }
}

async fn send_messages(socket: &mut WatchSocket, subscriber: &mut Subscriber) -> SocketEnd {
    loop {
        let next = tokio::select! {
            next = subscriber.next() => next,
            end = socket.receive() => return end,
        };
        match next {
            NextMessages::Texts(texts) => {
                for text in texts.iter() {
                    if let Err(end) = socket.send_text(text.clone()).await {
                        return end;
                    }
                }
            }
            NextMessages::End(FeedEnd::BranchDeleted) => {
                return SocketEnd::Close(BRANCH_DELETED, "the branch was deleted");
            }
            NextMessages::End(FeedEnd::UnknownCommit) => {
                return SocketEnd::Close(UNKNOWN_COMMIT, "unknown commit; list the modules again");
            }
            NextMessages::End(FeedEnd::StoreFailed) => {
                return SocketEnd::Close(close_code::ERROR, "the store failed");
            }
        }
    }
}
