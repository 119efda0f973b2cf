//! The hyper service of one connection: passes each request to the router and records the progress of its response.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response, StatusCode, Version};
use hyper::body::{Frame, Incoming, SizeHint};
use tower::ServiceExt as _;

use super::connection_state::ConnectionState;
use super::exchange::Exchange;
use super::exchange_clock::STALL_MAX;
use super::request_extensions::{HoldsNoMemory, Peer, ShutdownGuard};
use super::tracked_body::TrackedBody;

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
        if request.version() == Version::HTTP_2 {
            self.state.set_http2();
        }
        let mut request = request.map(|body| {
            let state = Arc::clone(&self.state);
            Body::new(ReceivedBody { body, state })
        });
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.guard.clone());
        let exchange = Exchange::begin(&self.state, STALL_MAX);
        let app = self.app.clone();
        let state = Arc::clone(&self.state);
        Box::pin(async move {
            let response = app.oneshot(request).await?;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                state.set_upgraded();
            }
            if response.extensions().get::<HoldsNoMemory>().is_some() {
                exchange.set_holds_no_memory();
            }
            exchange.end_part(0);
            Ok(response.map(|body| TrackedBody::new(body, exchange)))
        })
    }
}

/// A request body that records when a part of it is received.
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
