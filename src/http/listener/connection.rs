//! The layer below TLS and HTTP: wraps the socket of a connection, counts bytes, enforces the idle timeout, and closes the socket such that
//! the client receives the last response.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use metrics::{Counter, counter};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client_socket::ClientSocket;
use super::connection_state::ConnectionState;
use super::idle_clock::IdleClock;
use super::lingering_close::LingeringClose;
use super::permits::ConnectionPermit;
use crate::budget::ByteBudget;
use crate::http::metrics::{BYTES_RECEIVED, BYTES_SENT};

/// The socket of a connection.
///
/// Reading and writing fail with [`TimedOut`](io::ErrorKind::TimedOut) when the client exceeds the idle timeout; see [`IdleClock`].
/// Shutting down continues to read until the client stops sending or exceeds a limit; see [`LingeringClose`].
pub(super) struct Connection {
    socket: ClientSocket,
    idle: IdleClock,
    close_phase: ClosePhase,
    state: Arc<ConnectionState>,
    received: Counter,
    sent: Counter,
    /// Held until the socket is closed. After an upgrade (WebSocket), the socket stays open longer than hyper's HTTP connection.
    _permit: Option<ConnectionPermit>,
}

enum ClosePhase {
    Open,
    /// The sending side of the socket is closed. Bytes from the client are still read, and discarded.
    Lingering(LingeringClose),
    Closed,
}

impl Connection {
    /// Wraps a socket. While other requests wait for the memory budget `memory`, a client that stops reading is disconnected before the
    /// idle timeout. `permit` is `None` for a connection that is refused.
    pub fn new(
        socket: ClientSocket,
        idle_timeout: Duration,
        (state, memory): (&Arc<ConnectionState>, &ByteBudget),
        permit: Option<ConnectionPermit>,
    ) -> Self {
        socket.set_nodelay();
        Self {
            socket,
            idle: IdleClock::new(idle_timeout, Arc::clone(state), memory.clone()),
            close_phase: ClosePhase::Open,
            state: Arc::clone(state),
            received: counter!(BYTES_RECEIVED),
            sent: counter!(BYTES_SENT),
            _permit: permit,
        }
    }

    fn count_sent(&mut self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(count)) = written {
            self.sent.increment(*count as u64);
            self.idle.add_transferred(*count);
        }
    }

    /// Fails once the idle timeout has passed. Called when the socket is not ready to read or to write.
    fn poll_idle_timeout<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.idle.poll_expired(cx));
        // A client that has timed out will not read a response, so lingering is useless.
        self.close_phase = ClosePhase::Closed;
        let text = "the client exceeded the idle timeout";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
    }

    fn poll_write_by(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut ClientSocket>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let written = write(Pin::new(&mut self.socket), cx);
        self.count_sent(&written);
        self.idle.set_write_blocked(written.is_pending());
        if written.is_pending() {
            return self.poll_idle_timeout(cx);
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
        let bytes_before = buffer.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(cx, buffer);
        if read.is_pending() {
            return this.poll_idle_timeout(cx);
        }
        let count = buffer.filled().len() - bytes_before;
        this.received.increment(count as u64);
        this.state.add_received(count);
        this.idle.add_transferred(count);
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
        if let ClosePhase::Open = this.close_phase {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
            this.close_phase = if this.state.was_idle_at_shutdown() {
                ClosePhase::Closed
            } else {
                ClosePhase::Lingering(LingeringClose::new())
            };
        }
        if let ClosePhase::Lingering(lingering) = &mut this.close_phase {
            ready!(lingering.poll(&mut this.socket, cx));
            this.close_phase = ClosePhase::Closed;
        }
        Poll::Ready(Ok(()))
    }
}
