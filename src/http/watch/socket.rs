//! A WebSocket (RFC 6455) that tells, and listens only to know that somebody is there.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::ServerLimits;

/// How many pings may go unanswered.
const PINGS_MAX: usize = 2;
/// How long the other side may take to answer that we close.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// How long a connection is kept after a fault was told: what it still sends would otherwise reset it, and the reason be lost.
const LINGER: Duration = Duration::from_secs(1);

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Over {
    /// We close, for this reason.
    Leave(u16, &'static str),
    /// The other side closed.
    Closed,
    /// The other side broke the protocol, in the way that this code tells.
    Fault(u16),
    /// The connection is gone, or nobody is there.
    Lost,
}

/// An open connection.
pub(in crate::http) struct Socket {
    socket: WebSocket,
    pings: Interval,
    /// Pings since anything was heard.
    unanswered: usize,
    message_timeout: Duration,
    closing: CancellationToken,
}

impl Socket {
    /// Takes over a connection after the handshake.
    pub fn new(socket: WebSocket, limits: &ServerLimits, closing: CancellationToken) -> Self {
        let mut pings = interval(limits.ping_interval.max(Duration::from_millis(1)));
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.reset();
        Self {
            socket,
            pings,
            unanswered: 0,
            message_timeout: limits.idle_timeout,
            closing,
        }
    }

    /// Listens, pings and answers pings until it is over. Can be dropped at any time.
    pub async fn listen(&mut self) -> Over {
        loop {
            tokio::select! {
                () = self.closing.cancelled() => return Over::AWAY,
                heard = self.socket.next() => if let Err(over) = self.hear(heard) {
                    return over;
                },
                _ = self.pings.tick() => {
                    if self.unanswered >= PINGS_MAX {
                        return Over::Lost;
                    }
                    self.unanswered += 1;
                    if let Err(over) = self.send(Message::Ping("".into())).await {
                        return over;
                    }
                }
            }
        }
    }

    /// Sends a text, and listens meanwhile.
    pub async fn tell(&mut self, text: Utf8Bytes) -> Result<(), Over> {
        self.send(Message::Text(text)).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Over> {
        let closing = self.closing.clone();
        let limit = self.message_timeout;
        let sent = async {
            // Nothing is added to what has not gone yet.
            poll_fn(|cx| self.poll_sent(cx)).await?;
            self.socket
                .start_send_unpin(message)
                .map_err(|_| Over::Lost)?;
            poll_fn(|cx| self.poll_sent(cx)).await
        };
        tokio::select! {
            sent = timeout(limit, sent) => sent.unwrap_or(Err(Over::Lost)),
            () = closing.cancelled() => Err(Over::AWAY),
        }
    }

    /// Whether everything has gone. One who does not listen while it speaks may wait for one who does the same.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        loop {
            if let Poll::Ready(sent) = self.socket.poll_flush_unpin(cx) {
                return Poll::Ready(sent.map_err(|_| Over::Lost));
            }
            let heard = ready!(self.socket.poll_next_unpin(cx));
            self.hear(heard)?;
        }
    }

    fn hear(&mut self, heard: Option<Result<Message, axum::Error>>) -> Result<(), Over> {
        match heard {
            Some(Ok(Message::Close(_))) => Err(Over::Closed),
            // What a client says is of no interest, and tungstenite answers pings.
            Some(Ok(_)) => {
                self.unanswered = 0;
                Ok(())
            }
            Some(Err(error)) => Err(fault(&error)),
            None => Err(Over::Lost),
        }
    }

    /// Ends the connection as is due.
    pub async fn finish(mut self, over: Over) {
        let (code, reason) = match over {
            Over::Lost => return,
            Over::Closed => {
                // Listening sends the answer.
                let answered = async { while self.socket.next().await.is_some() {} };
                let _ = timeout(CLOSE_WAIT, answered).await;
                return;
            }
            Over::Leave(code, reason) => (code, reason),
            Over::Fault(code) => (code, ""),
        };
        let reason = Utf8Bytes::from_static(reason);
        let close = Message::Close(Some(CloseFrame { code, reason }));
        let closed = async {
            let is_sent = self.socket.send(close).await.is_ok();
            while let Some(Ok(_)) = self.socket.next().await {}
            is_sent
        };
        let closed = timeout(CLOSE_WAIT, closed).await;
        if matches!((over, closed), (Over::Fault(_), Ok(true))) {
            sleep(LINGER).await;
        }
    }
}

impl Over {
    /// The server stops.
    const AWAY: Self = Self::Leave(close_code::AWAY, "the server is stopping");
}

/// What a failure to read means. The WebSocket library's error cannot be named here; its text can, and `tests/http/websocket.rs`
/// would tell if that changed.
fn fault(error: &axum::Error) -> Over {
    let text = error.to_string();
    if text.contains("reset without closing") {
        Over::Lost
    } else if text.starts_with("WebSocket protocol error") {
        Over::Fault(close_code::PROTOCOL)
    } else if text.starts_with("UTF-8 encoding error") {
        Over::Fault(close_code::INVALID)
    } else if text.starts_with("Space limit exceeded") {
        Over::Fault(close_code::SIZE)
    } else {
        Over::Lost
    }
}
