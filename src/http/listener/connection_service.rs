//! One request on a connection, from hyper to the routes and back.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response, StatusCode};
use hyper::body::{Frame, Incoming, SizeHint};
use tower::ServiceExt as _;

use super::connection_state::{Activity, Exchange};
use super::request_extensions::{Hold, Peer};

/// Answers the requests of one connection.
pub(in crate::http) struct Service {
    pub(in crate::http) app: Router,
    pub(in crate::http) peer: Peer,
    pub(in crate::http) hold: Hold,
    pub(in crate::http) activity: Arc<Activity>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Watched>, Infallible>> + Send>>;

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Response<Watched>;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Answer {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.peer);
        request.extensions_mut().insert(self.hold.clone());
        let mut exchange = Exchange::begin(&self.activity);
        let app = self.app.clone();
        let activity = Arc::clone(&self.activity);
        Box::pin(async move {
            let response = app.oneshot(request).await?;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                activity.upgrade();
            }
            exchange.waits();
            Ok(response.map(|body| Watched { body, exchange }))
        })
    }
}

/// The body of an answer. It knows who waits for whom: while a part of it is on its way, the server for the client; while the
/// next part is awaited, the client for the server.
pub(in crate::http) struct Watched {
    body: Body,
    exchange: Exchange,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.exchange.works();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        this.exchange.waits();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
