//! The hyper service of one connection: passes each request to the router and tracks its response.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response, StatusCode, Version};
use hyper::body::{Frame, Incoming, SizeHint};
use tower::ServiceExt as _;

use super::connection_state::{ConnectionState, Exchange};
use super::request_extensions::{Peer, ShutdownGuard};

/// The size of the parts into which the frames of HTTP/2 responses are divided, in bytes. Handing over a part shows that the client reads.
const HTTP2_FRAME_BYTES_MAX: usize = 64 << 10;

/// Answers the requests of one connection.
pub(super) struct ConnectionService {
    pub app: Router,
    pub peer: Peer,
    pub guard: ShutdownGuard,
    pub state: Arc<ConnectionState>,
}

type ResponseFuture =
    Pin<Box<dyn Future<Output = Result<Response<TrackedBody>, Infallible>> + Send>>;

impl hyper::service::Service<Request<Incoming>> for ConnectionService {
    type Response = Response<TrackedBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn call(&self, request: Request<Incoming>) -> ResponseFuture {
        let is_http2 = request.version() == Version::HTTP_2;
        if is_http2 {
            self.state.set_http2();
        }
        let mut request = request.map(|body| {
            let state = Arc::clone(&self.state);
            Body::new(ReceivedBody { body, state })
        });
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.guard.clone());
        let mut exchange = Exchange::begin(&self.state);
        let app = self.app.clone();
        let state = Arc::clone(&self.state);
        Box::pin(async move {
            let response = app.oneshot(request).await?;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                state.set_upgraded();
            }
            exchange.set_client_turn();
            let frame_bytes_max = if is_http2 {
                HTTP2_FRAME_BYTES_MAX
            } else {
                usize::MAX
            };
            Ok(response.map(|body| TrackedBody {
                body,
                exchange,
                frame_bytes_max,
                rest: Bytes::new(),
            }))
        })
    }
}

/// A request body that records progress.
struct ReceivedBody {
    body: Incoming,
    state: Arc<ConnectionState>,
}

impl HttpBody for ReceivedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        this.state.record_progress();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response body that records whose turn it is: the client's while a frame is being sent, the server's while the next frame is
/// being produced.
pub(super) struct TrackedBody {
    body: Body,
    exchange: Exchange,
    /// The size of the frames into which longer ones are divided, in bytes.
    frame_bytes_max: usize,
    /// The rest of a frame that was divided.
    rest: Bytes,
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.exchange.set_server_turn();
        if this.rest.is_empty() {
            let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
            this.exchange.set_client_turn();
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(bytes))) => this.rest = bytes,
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        this.exchange.set_client_turn();
        let bytes = this.rest.len().min(this.frame_bytes_max);
        Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (body, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
