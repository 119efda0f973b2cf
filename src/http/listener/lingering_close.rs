//! Closing a connection such that the client gets the last answer.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// How long a client may go on sending.
const LINGER: Duration = Duration::from_secs(2);

/// How much it may send meanwhile.
const LINGER_BYTES_MAX: usize = 64 << 20;

/// How much is thrown away in one step.
const STEP_BYTES: usize = 16 << 10;

/// Throws away what a client still sends after the last answer.
///
/// Closing a socket with unread bytes resets the connection, and a reset makes the client drop the answer that it has not
/// read yet: an upload that is refused early (401, 413) would look like a broken network.
pub(in crate::http) struct Linger {
    limit: Pin<Box<Sleep>>,
    left_bytes: usize,
}

impl Linger {
    /// Starts its time.
    pub(in crate::http) fn new() -> Self {
        Self {
            limit: Box::pin(tokio::time::sleep(LINGER)),
            left_bytes: LINGER_BYTES_MAX,
        }
    }

    /// Is ready when the client has closed its side, or has had its time.
    pub(in crate::http) fn poll(
        &mut self,
        socket: &mut TcpStream,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut bytes = [MaybeUninit::uninit(); STEP_BYTES];
        loop {
            if self.limit.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::uninit(&mut bytes);
            match Pin::new(&mut *socket).poll_read(cx, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {}
            }
            let count = buffer.filled().len();
            if count == 0 || count > self.left_bytes {
                return Poll::Ready(());
            }
            self.left_bytes -= count;
        }
    }
}
