//! Serves a request with a git process.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;

use super::outcome::{git_failed, git_not_installed};
use super::process::GitProcess;
use super::response_body::GitResponse;
use super::stdin::StdinWriter;
use crate::http::error::{Failure, Result};
use crate::http::listener::ShutdownGuard;
use crate::http::middleware::auth::KeyTag;
use crate::http::state::App;
use crate::remote::{self, GitRequest, advertisement_preamble};

/// Returns the response if git cannot be started. The client gets the text of the error only if that says how to repair the store.
fn not_started(error: remote::Error) -> Failure {
    let failed = git_failed(&error.to_string());
    match error {
        remote::Error::TooManyBrokenRefs(_) => {
            Failure::new(StatusCode::CONFLICT, error.to_string())
        }
        _ => failed,
    }
}

/// The body of a request to a git service, and its limits.
pub(in crate::http) struct GitRequestBody {
    pub stdin: StdinWriter,
    /// The limit on the decoded body, in bytes.
    pub bytes_max: u64,
    /// Delays a shutdown of the server while a push may be updating refs.
    pub guard: Option<ShutdownGuard>,
}

impl App {
    /// Starts a git process for a request when a permit is free. If `body` is `None`, the request is for the ref advertisement. Returns the
    /// response body once git has written the beginning of it.
    ///
    /// 409 if so many refs are broken that git cannot be started; 501 if git is not installed; 503 if no permit is released in time, or if
    /// git does not begin the response in time; 400 if git reports that the request is malformed; 500 if git fails otherwise; 400, 408 and
    /// 413 for errors in the request body.
    pub async fn serve_git(
        &self,
        request: GitRequest,
        key: Option<KeyTag>,
        body: Option<GitRequestBody>,
    ) -> Result<Body> {
        let Some(git) = self.git.clone() else {
            return Err(git_not_installed());
        };
        let (service, wait) = (request.service, self.limits.request_wait);
        let permit = self.git_permits.acquire(service, key, wait).await?;
        let preamble = match &body {
            Some(_) => b"",
            None => advertisement_preamble(&request),
        };
        let bytes_max = body.as_ref().map(|body| body.bytes_max);
        let (stdin, guard) = body.map(|body| (body.stdin, body.guard)).unzip();
        let limit = self.limits.git_time_max;
        // The closure also wraps the process: if the client disconnects while git is being started, the process is ended and the request
        // is counted, and the permit is held until then.
        let started = self.run_read(move |store| {
            // The ref advertisement in version 2 of git's protocol lists no refs, so the hidden refs are not needed for it. They are read
            // even so, so that this request fails if they cannot be read: git shows the text of an error only if the request for the
            // advertisement fails.
            let hidden = store.refs_hidden_from_git()?;
            let started = match bytes_max {
                Some(bytes_max) => git.respond(&request, &hidden, bytes_max),
                None => git.advertise(&request, &hidden),
            };
            let started = started.map_err(not_started)?;
            GitProcess::new((service, started), stdin, limit, permit)
                .map_err(|error| git_failed(&error.to_string()))
        });
        let process = started.await?;
        let mut response = GitResponse::new(process, guard.flatten());
        let first = response.next().await?.unwrap_or_default();
        let first = Bytes::from([preamble, &first].concat());
        Ok(response.into_body(first, self.limits.git_read_timeout))
    }
}
