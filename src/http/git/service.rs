//! Starting a git for a request, in its turn.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;

use super::process::{Place, Running};
use super::response_body::Served;
use super::stdin::Feed;
use crate::http::error::{Failure, Result};
use crate::http::listener::ShutdownGuard;
use crate::http::state::App;
use crate::remote::{GitRequest, advertisement_preamble};

/// What a request brings besides its head.
pub(in crate::http) struct Request {
    pub feed: Feed,
    /// How long the body may be when decoded, in bytes.
    pub bytes_max: u64,
    /// What keeps the server from stopping under the change that it asks for.
    pub hold: Option<ShutdownGuard>,
}

impl App {
    /// Has git serve a request once there is a place: one with a body, or one for its refs, which has none. Returns the answer's
    /// body when git has begun to answer.
    ///
    /// # Errors
    /// 501 without git; 503 if there is no place in time, or git does not begin in time; 400 if git blames the request; 500 if it
    /// fails otherwise; what is wrong with the body.
    pub async fn serve_git(&self, asked: GitRequest, request: Option<Request>) -> Result<Body> {
        let Some(git) = self.git.clone() else {
            return Err(missing());
        };
        let place = Place::new(self.acquire(&self.git_permits).await?);
        let service = asked.service;
        let head = match &request {
            Some(_) => b"",
            None => advertisement_preamble(&asked),
        };
        let bytes_max = request.as_ref().map(|request| request.bytes_max);
        let (feed, hold) = request.map(|request| (request.feed, request.hold)).unzip();
        let dialogue = self.run_read(move |_| {
            let started = match bytes_max {
                Some(bytes_max) => git.respond(&asked, bytes_max),
                None => git.advertise(&asked),
            };
            started.map_err(|error| failed(&error.to_string()))
        });
        let dialogue = dialogue.await?;
        let limit = self.limits.git_time_max;
        let running = Running::new((service, dialogue), feed, limit, place)
            .map_err(|error| failed(&error.to_string()))?;
        let mut served = Served::new(running, hold.flatten());
        let first = served.next().await?.unwrap_or_default();
        Ok(served.into_body(Bytes::from([head, &first].concat())))
    }
}

/// 501.
pub(in crate::http) fn missing() -> Failure {
    let detail = "git is not installed on the server, and fetches and pushes need it";
    Failure::new(StatusCode::NOT_IMPLEMENTED, detail)
}

/// 500. Why, is for the log.
pub(super) fn failed(error: &str) -> Failure {
    tracing::error!(error, "git cannot serve a request");
    let detail = "git failed; the log tells more";
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
}
