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

use super::ending::{Outcome, Said, judge};
use super::feed::Feed;
use super::start::failed;
use crate::http::crossing::aside;
use crate::http::error::{Failure, Result};
use crate::http::metrics::{Counted, GIT_REQUESTS, GIT_SERVICES};
use crate::remote::{Child, Dialogue, Service};

/// How much of git's words is sent at a time, in bytes: as much as a pipe holds.
const PIECE_BYTES: usize = 64 << 10;
/// How much of what git says to those who look after it goes into the log, in bytes.
const SAID_BYTES_MAX: usize = 2 << 10;
/// How long a git may take to end that has said all.
const END_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a git that is to end may take to clear away what it was making.
const END_GRACE: Duration = Duration::from_secs(1);

/// A git that serves a request. Dropping it ends the git.
pub(super) struct Running {
    service: Service,
    /// Its place is free once it has ended.
    child: Option<(Child, Place)>,
    /// The request's body on its way to git.
    feed: Fuse<BoxFuture<'static, Result<()>>>,
    stdout: pipe::Receiver,
    /// What git says to those who look after it.
    stderr: Fuse<BoxFuture<'static, String>>,
    said: Said,
    piece: Vec<u8>,
    deadline: Instant,
    limit: Duration,
    outcome: Outcome,
    span: tracing::Span,
}

/// A place among the gits that run, which is counted.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Counted,
}

impl Place {
    /// The place that the permit is for.
    pub fn new(permit: OwnedSemaphorePermit) -> Self {
        Self {
            _permit: permit,
            _counted: Counted::one_of(GIT_SERVICES),
        }
    }
}

impl Running {
    /// A git that was started; `limit` is how long it may run.
    pub fn new(
        (service, dialogue): (Service, Dialogue),
        body: Option<Feed>,
        limit: Duration,
        place: Place,
    ) -> io::Result<Self> {
        let stdin = pipe::Sender::from_owned_fd(dialogue.stdin)?;
        let feed = match body {
            Some(body) => body.run(stdin).boxed().fuse(),
            None => Fuse::terminated(),
        };
        Ok(Self {
            service,
            child: Some((dialogue.child, place)),
            feed,
            stdout: pipe::Receiver::from_owned_fd(dialogue.stdout)?,
            stderr: listen(dialogue.stderr).boxed().fuse(),
            said: Said::default(),
            piece: vec![0; PIECE_BYTES],
            deadline: Instant::now() + limit,
            limit,
            outcome: Outcome::Left,
            span: tracing::Span::current(),
        })
    }

    /// The answer's body. It breaks off when git does.
    pub fn into_body(self, first: Bytes) -> Body {
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
    /// What is wrong with the body; 400, 500 or 503 as of git.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let deadline = self.deadline;
        let next = timeout_at(deadline, self.read()).await;
        let next = next.unwrap_or_else(|_| Err(self.late()));
        if let Err(failure) = &next
            && self.outcome == Outcome::Left
        {
            self.outcome = Outcome::Refused;
            if self.said.has_answered {
                self.span
                    .in_scope(|| tracing::info!(?failure, "an answer of git is cut"));
            }
        }
        next
    }

    async fn read(&mut self) -> Result<Option<Bytes>> {
        loop {
            tokio::select! {
                biased;
                fed = &mut self.feed, if !self.feed.is_terminated() => fed?,
                said = &mut self.stderr, if !self.stderr.is_terminated() => self.said.aside = said,
                read = self.stdout.read(&mut self.piece) => match read {
                    Ok(0) => return self.finish().await.map(|()| None),
                    Ok(count) => {
                        let piece = Bytes::copy_from_slice(&self.piece[..count]);
                        self.said.note(&piece);
                        return Ok(Some(piece));
                    }
                    Err(error) => {
                        self.outcome = Outcome::Failed;
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
            let aside = timeout(END_GRACE, &mut self.stderr).await;
            self.said.aside = aside.unwrap_or_default();
        }
        let (outcome, result) = self.span.in_scope(|| judge(status, &self.said));
        self.outcome = outcome;
        result
    }

    /// How git ended; `None` if it does not.
    async fn status(&mut self) -> Option<ExitStatus> {
        let (child, _) = self.child.as_mut()?;
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
        self.outcome = Outcome::TimedOut;
        let limit_s = self.limit.as_secs();
        self.span
            .in_scope(|| tracing::warn!(limit_s, "git took too long to serve a request"));
        let detail = format!("git did not end within {limit_s} s");
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let (service, outcome) = (self.service.name(), self.outcome.name());
        counter!(GIT_REQUESTS, "service" => service, "outcome" => outcome).increment(1);
        if let Some((child, place)) = self.child.take() {
            aside(move || {
                child.end(END_GRACE);
                drop(place);
            });
        }
    }
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
