//! A write that was received completely, so that it can be sent to several servers, one after the other.

use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts as _, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::doubt::without_other_result;
use super::outgoing::outgoing;
use crate::budget::Charge;
use crate::http::error::{Failure, Result};
use crate::http::extract::WriteHeaders;
use crate::http::middleware::request_log::WasForwarded;
use crate::http::peers::{
    BucketServers, Forwarded, Forwarder, GENERATION, PeerKey, RequestOrigin, new_request_id,
};
use crate::http::state::App;
use crate::http::upload::memory::{BufferedCharge, UploadMemory};
use crate::names::ServerUrl;
use crate::store::RequestId;

/// How long a write is tried on one server after the other while other servers change the store first.
const ATTEMPTS_TIME: Duration = Duration::from_secs(10);
/// How long the response to a forwarded write is delayed until this server's copy of the store contains the write too.
const FOLLOW_MAX: Duration = Duration::from_secs(1);

/// A write that was received completely.
pub(super) struct BufferedRequest {
    pub parts: Parts,
    pub body: Bytes,
    /// The memory of the body in the memory budget. The first attempt on this server takes it.
    pub charge: Option<Charge>,
    /// The first sending of the request whose outcome is unknown; `None` if no other server can have the request.
    pub first: Option<DoubtfulSending>,
}

/// A request that other servers may have.
pub(super) struct DoubtfulSending {
    request: RequestId,
    /// The servers that may have the request. It is sent to each of them only once, because a server may have forgotten after some time
    /// that it has made the write.
    servers: Vec<ServerUrl>,
}

impl BufferedRequest {
    /// Sends the request to the last writer. If that is not possible, handles it on this server. Begins again if another server changes the
    /// store first.
    pub async fn respond(
        mut self,
        app: &App,
        bucket: &BucketServers,
        key: &PeerKey,
        next: &Next,
    ) -> Result<Response> {
        let begun = Instant::now();
        loop {
            if let Some((writer, forwarder)) = self.next_server(app, bucket) {
                let sent = self.send(app, key, (&writer, forwarder)).await?;
                if let Some(response) = sent {
                    self.charge = None;
                    let response = finish(app, bucket, response).await;
                    return Ok(self.without_doubt(app, response).await);
                }
                // The server may have refused the request because another one has become the last writer.
                let _ = app.check_bucket(bucket).await;
                let next = self.next_server(app, bucket);
                if next.is_some_and(|(next, _)| next != writer) && begun.elapsed() < ATTEMPTS_TIME {
                    continue;
                }
            }
            let response = self.handle(next).await;
            let failure = response.extensions().get::<Failure>();
            let is_overtaken = failure.is_some_and(Failure::is_overtaken);
            if !is_overtaken || begun.elapsed() >= ATTEMPTS_TIME {
                return Ok(self.without_doubt(app, response).await);
            }
            if let Err(failure) = self.charge_again(app).await {
                return Ok(self.without_doubt(app, failure.into_response()).await);
            }
        }
    }

    /// Returns the last writer and the client for it; `None` if this server has to handle the request.
    fn next_server<'b>(
        &self,
        app: &App,
        bucket: &'b BucketServers,
    ) -> Option<(ServerUrl, &'b Forwarder)> {
        let writer = app.run_inline(|store| store.authority().known_writer())?;
        let (server, forwarder) = bucket.last_writer(&writer)?;
        let mut may_have_it = self.first.iter().flat_map(|first| &first.servers);
        may_have_it
            .all(|other| *other != server)
            .then_some((server, forwarder))
    }

    /// Charges the memory of the body to the memory budget again, because an attempt of this server has taken the charge.
    async fn charge_again(&mut self, app: &App) -> Result<()> {
        if !self.body.is_empty() {
            let length = self.body.len() as u64;
            self.charge = Some(app.charge(UploadMemory::first_bytes(Some(length))).await?);
        }
        Ok(())
    }

    /// Forwards the request to a server. Returns its response; `None` if this server has to handle the request.
    async fn send(
        &mut self,
        app: &App,
        key: &PeerKey,
        (server, forwarder): (&ServerUrl, &Forwarder),
    ) -> Result<Option<Response>> {
        // The forwarded request gets the defaults of this server: its default branch, and the author that the API key requires.
        let WriteHeaders(change) = WriteHeaders::from_request_parts(&mut self.parts, app).await?;
        let request = match &self.first {
            Some(first) => first.request.clone(),
            None => RequestId {
                id: new_request_id(),
                since: app.run_inline(|store| store.authority().known_generation()),
                is_sent_once: false,
            },
        };
        let outgoing = outgoing(
            &self.parts,
            &change,
            self.body.clone(),
            (&request, key),
            server,
        )?;
        match forwarder.forward(server, outgoing).await {
            Forwarded::Response(response) => return Ok(Some(response)),
            Forwarded::Refused(_) | Forwarded::NotSent(_) => {}
            Forwarded::Unknown(_) => {
                let first = self.first.get_or_insert(DoubtfulSending {
                    request,
                    servers: Vec::new(),
                });
                first.servers.push(server.clone());
            }
        }
        Ok(None)
    }

    /// Handles the request on this server.
    async fn handle(&mut self, next: &Next) -> Response {
        let mut parts = self.parts.clone();
        parts.extensions.insert(RequestOrigin {
            request: self.first.as_ref().map(|first| first.request.clone()),
            is_from_peer: false,
        });
        let charge = self.charge.take();
        parts.extensions.insert(BufferedCharge::new(charge));
        let request = Request::from_parts(parts, Body::from(self.body.clone()));
        next.clone().run(request).await
    }

    /// Returns the response to the request, after it has made sure that no other server makes the write later.
    async fn without_doubt(self, app: &App, response: Response) -> Response {
        match self.first {
            Some(first) => without_other_result(app, first.request, response).await,
            None => response,
        }
    }
}

/// Waits until this server has the write of a forwarded request, so that the client can read the result here.
async fn finish(app: &App, bucket: &BucketServers, mut response: Response) -> Response {
    response.extensions_mut().insert(WasForwarded);
    let generation = response.headers().get(GENERATION);
    let generation = generation.and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(generation) = generation.filter(|_| response.status().is_success()) {
        let waited = app.await_generation(bucket, generation, FOLLOW_MAX).await;
        if let Err(error) = waited {
            // The response contains the generation with the write, which the client can require in later requests.
            tracing::debug!(%error, "this server does not have the change of a forwarded request yet");
        }
    }
    response
}
