//! The hyper service of one connection: passes each request to the router and tracks its response.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response, StatusCode};
use hyper::body::{Frame, Incoming, SizeHint};
use tower::ServiceExt as _;

use super::connection_state::{ConnectionState, Exchange};
use super::request_extensions::{Peer, ShutdownGuard};

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
        let mut request = request.map(Body::new);
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
            Ok(response.map(|body| TrackedBody { body, exchange }))
        })
    }
}

/// A response body that records whose turn it is: the client's while a frame is being sent, the server's while the next frame is
/// being produced.
pub(super) struct TrackedBody {
    body: Body,
    exchange: Exchange,
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
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        this.exchange.set_client_turn();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
