//! Closes a connection such that the client receives the last response.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Sleep;

use super::client_socket::ClientSocket;

/// How long a client may keep sending after the last response.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How many bytes a client may still send after the last response.
const DISCARDED_BYTES_MAX: usize = 64 << 20;

/// How many bytes are read from the socket at a time.
const BUFFER_BYTES: usize = 16 << 10;

/// Reads and discards the bytes that a client still sends after the last response.
///
/// Closing a socket that has unread bytes resets the connection, and after a reset the client discards a response that it has not read yet.
/// An upload that is refused early (401, 413) would then look like a network failure to the client.
pub(super) struct LingeringClose {
    timeout: Pin<Box<Sleep>>,
    remaining_bytes: usize,
}

impl LingeringClose {
    /// Starts the timeout of [`TIMEOUT`].
    pub fn new() -> Self {
        Self {
            timeout: Box::pin(tokio::time::sleep(TIMEOUT)),
            remaining_bytes: DISCARDED_BYTES_MAX,
        }
    }

    /// Becomes ready when the client has closed its side of the connection or exceeded a limit.
    pub fn poll(&mut self, socket: &mut ClientSocket, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [MaybeUninit::uninit(); BUFFER_BYTES];
        loop {
            if self.timeout.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::uninit(&mut bytes);
            match Pin::new(&mut *socket).poll_read(cx, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {}
            }
            let count = buffer.filled().len();
            if count == 0 || count > self.remaining_bytes {
                return Poll::Ready(());
            }
            self.remaining_bytes -= count;
        }
    }
}
