//! The body of a response, tracked until its last byte is written to the socket.

use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Buf, Frame, SizeHint};

use super::exchange::Exchange;

/// A response body that records when the server starts and finishes a part of it.
pub(super) struct TrackedBody {
    body: Body,
    exchange: Arc<Exchange>,
}

/// A part of a response body. This value records how many bytes of the part were sent. hyper holds it until the last byte is written to the
/// socket, so the exchange (the request and its response) does not end before the part is sent.
pub(super) struct TrackedBytes {
    bytes: Bytes,
    exchange: Arc<Exchange>,
}

impl TrackedBody {
    /// Wraps the response body of an exchange.
    pub fn new(body: Body, exchange: Exchange) -> Self {
        Self {
            body,
            exchange: Arc::new(exchange),
        }
    }
}

impl HttpBody for TrackedBody {
    type Data = TrackedBytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<TrackedBytes>, axum::Error>>> {
        let this = self.get_mut();
        this.exchange.begin_part();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        let data = |frame: &Frame<Bytes>| frame.data_ref().map_or(0, Bytes::len);
        let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok());
        this.exchange.end_part(bytes.map_or(0, data));
        let exchange = &this.exchange;
        let track = |bytes| TrackedBytes {
            bytes,
            exchange: Arc::clone(exchange),
        };
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(track))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Buf for TrackedBytes {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.exchange.add_sent(count);
    }
}

impl Drop for TrackedBytes {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.exchange.add_dropped(self.bytes.len());
        }
    }
}
