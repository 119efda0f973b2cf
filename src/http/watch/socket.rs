//! A WebSocket (RFC 6455) that sends messages. It also receives messages, but only to notice that the client closes the WebSocket or has
//! disappeared.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::ServerLimits;

/// How many pings may be unanswered before the client is treated as gone.
const UNANSWERED_PINGS_MAX: usize = 2;
/// How long the server waits for the client's part of the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the connection is kept open after the server has sent a close frame that reports a protocol error. If the server closed it at
/// once, the bytes that the client still sends would cause a reset, and the client might not receive the close frame.
const LINGER: Duration = Duration::from_secs(1);

/// The reason why a WebSocket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SocketEnd {
    /// The server closes the WebSocket with this close code and reason.
    Close(u16, &'static str),
    /// The client has closed the WebSocket.
    ClosedByClient,
    /// The client has violated the protocol. The server closes the WebSocket with this close code.
    ProtocolError(u16),
    /// The connection is broken, or the client does not respond.
    Lost,
}

/// An open WebSocket.
pub(super) struct WatchSocket {
    socket: WebSocket,
    pings: Interval,
    /// The number of pings that were sent since the last message was received.
    unanswered_pings: usize,
    message_timeout: Duration,
    shutdown: CancellationToken,
}

impl WatchSocket {
    /// Wraps a WebSocket after its handshake.
    pub fn new(socket: WebSocket, limits: &ServerLimits, shutdown: CancellationToken) -> Self {
        let mut pings = interval(limits.ping_interval.max(Duration::from_millis(1)));
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.reset();
        Self {
            socket,
            pings,
            unanswered_pings: 0,
            message_timeout: limits.idle_timeout,
            shutdown,
        }
    }

    /// Receives messages, answers pings and sends pings until the WebSocket ends. The future can be dropped at any time (cancel safety).
    pub async fn receive(&mut self) -> SocketEnd {
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return SocketEnd::SHUTDOWN,
                received = self.socket.next() => if let Err(end) = self.handle_received(received) {
                    return end;
                },
                _ = self.pings.tick() => {
                    if self.unanswered_pings >= UNANSWERED_PINGS_MAX {
                        return SocketEnd::Lost;
                    }
                    self.unanswered_pings += 1;
                    if let Err(end) = self.send(Message::Ping("".into())).await {
                        return end;
                    }
                }
            }
        }
    }

    /// Sends a text message. While it waits, it also receives messages, so that both sides cannot block each other.
    pub async fn send_text(&mut self, text: Utf8Bytes) -> Result<(), SocketEnd> {
        self.send(Message::Text(text)).await
    }

    async fn send(&mut self, message: Message) -> Result<(), SocketEnd> {
        let shutdown = self.shutdown.clone();
        let limit = self.message_timeout;
        let sent = async {
            // The previous message is flushed first too, so that at most one message is queued.
            poll_fn(|cx| self.poll_flushed(cx)).await?;
            self.socket
                .start_send_unpin(message)
                .map_err(|_| SocketEnd::Lost)?;
            poll_fn(|cx| self.poll_flushed(cx)).await
        };
        tokio::select! {
            sent = timeout(limit, sent) => sent.unwrap_or(Err(SocketEnd::Lost)),
            () = shutdown.cancelled() => Err(SocketEnd::SHUTDOWN),
        }
    }

    /// Becomes ready when all messages are flushed. While it waits, it also receives messages: if both sides only sent, both could block
    /// because their buffers are full.
    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SocketEnd>> {
        loop {
            if let Poll::Ready(flushed) = self.socket.poll_flush_unpin(cx) {
                return Poll::Ready(flushed.map_err(|_| SocketEnd::Lost));
            }
            let received = ready!(self.socket.poll_next_unpin(cx));
            self.handle_received(received)?;
        }
    }

    fn handle_received(
        &mut self,
        received: Option<Result<Message, axum::Error>>,
    ) -> Result<(), SocketEnd> {
        match received {
            Some(Ok(Message::Close(_))) => Err(SocketEnd::ClosedByClient),
            // The content of messages is ignored. tungstenite answers pings itself.
            Some(Ok(_)) => {
                self.unanswered_pings = 0;
                Ok(())
            }
            Some(Err(error)) => Err(receive_error(&error)),
            None => Err(SocketEnd::Lost),
        }
    }

    /// Performs the closing handshake for this reason.
    pub async fn finish(mut self, end: SocketEnd) {
        let (code, reason) = match end {
            SocketEnd::Lost => return,
            SocketEnd::ClosedByClient => {
                // While it is polled for messages, tungstenite sends the close frame with which the server answers.
                let answered = async { while self.socket.next().await.is_some() {} };
                let _ = timeout(CLOSE_TIMEOUT, answered).await;
                return;
            }
            SocketEnd::Close(code, reason) => (code, reason),
            SocketEnd::ProtocolError(code) => (code, ""),
        };
        let reason = Utf8Bytes::from_static(reason);
        let close = Message::Close(Some(CloseFrame { code, reason }));
        let closed = async {
            let is_sent = self.socket.send(close).await.is_ok();
            while let Some(Ok(_)) = self.socket.next().await {}
            is_sent
        };
        let closed = timeout(CLOSE_TIMEOUT, closed).await;
        if matches!((end, closed), (SocketEnd::ProtocolError(_), Ok(true))) {
            sleep(LINGER).await;
        }
    }
}

impl SocketEnd {
    /// The reason for closing when the server shuts down.
    const SHUTDOWN: Self = Self::Close(close_code::AWAY, "the server is stopping");
}

/// Finds out from the text of a receive error why the WebSocket ends. axum does not expose the error type of its WebSocket library.
/// `tests/http/websocket.rs` fails if the texts change.
fn receive_error(error: &axum::Error) -> SocketEnd {
    let text = error.to_string();
    if text.contains("reset without closing") {
        SocketEnd::Lost
    } else if text.starts_with("WebSocket protocol error") {
        SocketEnd::ProtocolError(close_code::PROTOCOL)
    } else if text.starts_with("UTF-8 encoding error") {
        SocketEnd::ProtocolError(close_code::INVALID)
    } else if text.starts_with("Space limit exceeded") {
        SocketEnd::ProtocolError(close_code::SIZE)
    } else {
        SocketEnd::Lost
    }
}
