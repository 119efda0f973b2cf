//! The socket of a connection: it counts, it loses patience with a silent client, and it closes such that the last answer
//! arrives. It lies below TLS and below HTTP.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use metrics::{Counter, counter};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connection_state::Activity;
use super::idle_clock::IdleClock;
use super::lingering_close::Linger;
use super::permits::Place;
use crate::http::metrics::{BYTES_RECEIVED, BYTES_SENT};

/// A client's socket.
///
/// Reading and writing fail with [`TimedOut`](io::ErrorKind::TimedOut) once the client was waited for in vain; see
/// [`IdleClock`]. Shutting down takes as long as the client still sends, within limits; see [`Linger`].
pub(in crate::http) struct Connection {
    socket: TcpStream,
    idle: IdleClock,
    closing: Closing,
    activity: Arc<Activity>,
    received: Counter,
    sent: Counter,
    /// Given back with the socket, which outlives HTTP when it is upgraded.
    _place: Option<Place>,
}

enum Closing {
    /// Both ways are open.
    No,
    /// We have said all that we will say.
    Lingering(Linger),
    Done,
}

impl Connection {
    /// Takes over a socket. `place` is its place among the connections; one that is only turned away has none.
    pub(in crate::http) fn new(
        socket: TcpStream,
        idle_timeout: Duration,
        activity: &Arc<Activity>,
        place: Option<Place>,
    ) -> Self {
        // Answers are written whole: waiting for more to send would only delay them.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a socket cannot be set to send at once");
        }
        Self {
            socket,
            idle: IdleClock::new(idle_timeout, Arc::clone(activity)),
            closing: Closing::No,
            activity: Arc::clone(activity),
            received: counter!(BYTES_RECEIVED),
            sent: counter!(BYTES_SENT),
            _place: place,
        }
    }

    fn count_sent(&mut self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(count)) = written {
            self.sent.increment(*count as u64);
            self.idle.moved(*count);
        }
    }

    /// What a call that cannot go on answers.
    fn poll_idle<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.idle.poll_expired(cx));
        // Nothing more is expected of such a client.
        self.closing = Closing::Done;
        let text = "the client was waited for in vain";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
    }

    fn poll_write_by(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let written = write(Pin::new(&mut self.socket), cx);
        self.count_sent(&written);
        self.idle.write_blocked(written.is_pending());
        if written.is_pending() {
            return self.poll_idle(cx);
        }
        written
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(cx, buffer);
        if read.is_pending() {
            return this.poll_idle(cx);
        }
        let count = buffer.filled().len() - before;
        this.received.increment(count as u64);
        this.activity.received(count);
        this.idle.moved(count);
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut()
            .poll_write_by(cx, |socket, cx| socket.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut()
            .poll_write_by(cx, |socket, cx| socket.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Closing::No = this.closing {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
            this.closing = if this.activity.is_at_rest() {
                Closing::Done
            } else {
                Closing::Lingering(Linger::new())
            };
        }
        if let Closing::Lingering(linger) = &mut this.closing {
            ready!(linger.poll(&mut this.socket, cx));
            this.closing = Closing::Done;
        }
        Poll::Ready(Ok(()))
    }
}
