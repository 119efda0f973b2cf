//! A git that serves a request: what it says, and how it ends.

use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Fuse, FusedFuture as _};
use futures_util::stream;
use metrics::counter;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::feed::Feed;
use crate::http::crossing::aside;
use crate::http::error::{Failure, Result};
use crate::http::metrics::{Counted, GIT_REQUESTS, GIT_SERVICES};
use crate::http::state::App;
use crate::remote::{Asked, Child, Dialogue, Service, blames_request};

/// How much of git's words is sent at a time, in bytes: as much as a pipe holds.
const PIECE_BYTES: usize = 64 << 10;
/// How much of what git says to those who look after it goes into the log, in bytes.
const SAID_BYTES_MAX: usize = 2 << 10;
/// How long a git may take to end that has said all.
const END_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a git that is to end may take to clear away what it was making.
const END_GRACE: Duration = Duration::from_secs(1);

/// A git that serves a request. Dropping it ends the git.
pub(in crate::http) struct Running {
    service: Service,
    child: Option<Child>,
    /// The request's body on its way to git.
    feed: Fuse<BoxFuture<'static, Result<()>>>,
    stdout: pipe::Receiver,
    /// What git says to those who look after it.
    stderr: Fuse<BoxFuture<'static, String>>,
    said: String,
    piece: Vec<u8>,
    has_answered: bool,
    /// Whether git's last words were, to the client, that it failed.
    has_told: bool,
    deadline: Instant,
    limit: Duration,
    outcome: &'static str,
    span: tracing::Span,
    _counted: Counted,
    _place: OwnedSemaphorePermit,
}

impl App {
    /// Has git serve a request once there is a place: with a body or, when it is to tell its refs, without. Returns the answer's
    /// body, which begins with `preamble`, when git has begun to answer.
    ///
    /// # Errors
    /// 501 without git; 503 if there is no place in time, or git does not begin in time; 400 if git blames the request; 500 if it
    /// fails otherwise; what is wrong with the body.
    pub async fn serve_git(
        &self,
        asked: Asked,
        (body, bytes_max): (Option<Feed>, u64),
        preamble: &'static [u8],
    ) -> Result<Body> {
        let place = self.place(&self.git_services).await?;
        let Some(git) = self.git.clone() else {
            return Err(missing());
        };
        let (service, has_body) = (asked.service, body.is_some());
        let dialogue = self.run(move |_| {
            let started = match has_body {
                true => git.answer(&asked, bytes_max),
                false => git.advertise(&asked),
            };
            started.map_err(|error| failed(&error.to_string()))
        });
        let dialogue = dialogue.await?;
        let running = Running::new((service, dialogue), body, self.limits.git_time_max, place);
        let mut running = running.map_err(|error| failed(&error.to_string()))?;
        let first = running.next().await?.unwrap_or_default();
        let first = Bytes::from([preamble, &first].concat());
        Ok(running.into_body(first))
    }
}

/// 501.
pub(in crate::http) fn missing() -> Failure {
    let detail = "git is not installed on the server, and fetches and pushes need it";
    Failure::new(StatusCode::NOT_IMPLEMENTED, detail)
}

fn failed(error: &str) -> Failure {
    tracing::error!(error, "git cannot serve a request");
    let detail = "git failed; the log tells more";
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
}

impl Running {
    fn new(
        (service, dialogue): (Service, Dialogue),
        body: Option<Feed>,
        limit: Duration,
        place: OwnedSemaphorePermit,
    ) -> io::Result<Self> {
        let stdin = pipe::Sender::from_owned_fd(dialogue.stdin)?;
        let feed = match body {
            Some(body) => body.run(stdin).boxed().fuse(),
            None => Fuse::terminated(),
        };
        Ok(Self {
            service,
            child: Some(dialogue.child),
            feed,
            stdout: pipe::Receiver::from_owned_fd(dialogue.stdout)?,
            stderr: listen(dialogue.stderr).boxed().fuse(),
            said: String::new(),
            piece: vec![0; PIECE_BYTES],
            has_answered: false,
            has_told: false,
            deadline: Instant::now() + limit,
            limit,
            outcome: "left",
            span: tracing::Span::current(),
            _counted: Counted::one_of(GIT_SERVICES),
            _place: place,
        })
    }

    /// The answer's body. It breaks off when git does.
    fn into_body(self, first: Bytes) -> Body {
        let rest = stream::try_unfold(self, |mut running| async move {
            let piece = running.next().await;
            let piece = piece.map_err(|_| io::Error::other("git broke off"))?;
            Ok::<_, io::Error>(piece.map(|piece| (piece, running)))
        });
        let first = stream::once(async move { Ok(first) });
        Body::from_stream(futures_util::StreamExt::chain(first, rest))
    }

    /// What git says next; `None` when it has said all, and ended well.
    ///
    /// # Errors
    /// See [`App::serve_git`].
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let deadline = self.deadline;
        let next = timeout_at(deadline, self.read()).await;
        let next = next.unwrap_or_else(|_| Err(self.late()));
        if let Err(failure) = &next
            && self.outcome == "left"
        {
            self.outcome = "refused";
            let has_answered = self.has_answered;
            self.span
                .in_scope(|| tracing::info!(?failure, has_answered, "a request to git is cut"));
        }
        next
    }

    async fn read(&mut self) -> Result<Option<Bytes>> {
        loop {
            tokio::select! {
                biased;
                fed = &mut self.feed, if !self.feed.is_terminated() => fed?,
                said = &mut self.stderr, if !self.stderr.is_terminated() => self.said = said,
                read = self.stdout.read(&mut self.piece) => match read {
                    Ok(0) => return self.finish().await.map(|()| None),
                    Ok(count) => {
                        let piece = Bytes::copy_from_slice(&self.piece[..count]);
                        self.has_answered = true;
                        self.has_told = is_error(&piece);
                        return Ok(Some(piece));
                    }
                    Err(error) => {
                        self.outcome = "failed";
                        return Err(self.span.in_scope(|| failed(&error.to_string())));
                    }
                }
            }
        }
    }

    /// Looks at how git ended.
    async fn finish(&mut self) -> Result<()> {
        let status = self.status().await;
        if !self.stderr.is_terminated() {
            let said = timeout(END_GRACE, &mut self.stderr).await;
            self.said = said.unwrap_or_default();
        }
        let (said, has_answered) = (&*self.said, self.has_answered);
        let _in = self.span.enter();
        match status {
            Some(status) if status.success() => {
                self.outcome = "done";
                tracing::debug!(said, "git served a request");
                Ok(())
            }
            Some(status) if status.code().is_some() && !has_answered && blames_request(said) => {
                self.outcome = "refused";
                tracing::info!(%status, said, "git refused a request");
                let line = said.lines().find_map(|line| line.strip_prefix("fatal: "));
                let line = line.unwrap_or_default();
                Err(Failure::malformed(format!("git: {line}")))
            }
            Some(status) if status.code().is_some() && self.has_told => {
                self.outcome = "refused";
                tracing::info!(%status, said, "git refused a request");
                Ok(())
            }
            status => {
                self.outcome = "failed";
                tracing::error!(?status, said, has_answered, "git failed to serve a request");
                let detail = "git failed; the log tells more";
                Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, detail))
            }
        }
    }

    /// How git ended; `None` if it does not.
    async fn status(&mut self) -> Option<ExitStatus> {
        let child = self.child.as_mut()?;
        let deadline = Instant::now() + END_TIME_MAX;
        let mut pause = Duration::from_millis(1);
        while Instant::now() < deadline {
            if let Some(status) = child.status().ok()? {
                return Some(status);
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
        None
    }

    fn late(&mut self) -> Failure {
        self.outcome = "timed_out";
        let limit_s = self.limit.as_secs();
        self.span
            .in_scope(|| tracing::warn!(limit_s, "git took too long to serve a request"));
        let detail = format!("git did not end within {limit_s} s");
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let (service, outcome) = (self.service.name(), self.outcome);
        counter!(GIT_REQUESTS, "service" => service, "outcome" => outcome).increment(1);
        if let Some(child) = self.child.take() {
            aside(move || child.end(END_GRACE));
        }
    }
}

/// Whether it begins with an error packet (gitprotocol-common(5)), which git writes by itself, and then nothing more.
fn is_error(piece: &[u8]) -> bool {
    piece.get(4..8) == Some(b"ERR ")
}

/// Reads to its end what git says to those who look after it, and keeps its beginning.
async fn listen(stderr: OwnedFd) -> String {
    let mut said = Vec::new();
    let Ok(mut stderr) = pipe::Receiver::from_owned_fd(stderr) else {
        return String::new();
    };
    let mut piece = [0; 512];
    while let Ok(count @ 1..) = stderr.read(&mut piece).await {
        let room = SAID_BYTES_MAX - said.len();
        said.extend_from_slice(&piece[..count.min(room)]);
    }
    String::from_utf8_lossy(&said).trim_end().to_owned()
}
