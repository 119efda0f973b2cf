//! A git that serves a request: what it says, and how it ends.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::ExitStatus;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Fuse, FusedFuture as _};
use metrics::counter;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::outcome::{Outcome, Said, judge};
use super::service::failed;
use super::stdin::Feed;
use crate::http::blocking::run_detached;
use crate::http::error::{Failure, Result};
use crate::http::metrics::{GIT_REQUESTS, GIT_SERVICES, GaugeGuard};
use crate::remote::{ChildProcess, GitService, ServerProcess};

/// How much of git's words is sent at a time, in bytes: as much as a pipe holds.
const PIECE_BYTES: usize = 64 << 10;
/// How much of what git says to those who look after it goes into the log, in bytes.
const SAID_BYTES_MAX: usize = 2 << 10;
/// How long a git may take to end that has said all.
const END_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a git that is to end may take to clear away what it was making.
const END_GRACE: Duration = Duration::from_secs(1);
/// How long one that is pushed to may take to remove what it received, when there is no more.
const CLEAR_TIME_MAX: Duration = Duration::from_secs(2);

/// A git that serves a request. Dropping it ends the git.
pub(super) struct Running {
    service: GitService,
    /// Its place is free once it has ended.
    child: Option<(ChildProcess, Place)>,
    /// The request's body on its way to git.
    feed: Fuse<BoxFuture<'static, Result<()>>>,
    received: Received,
    stdout: pipe::Receiver,
    /// What git says to those who look after it.
    stderr: Fuse<BoxFuture<'static, String>>,
    said: Said,
    piece: Vec<u8>,
    deadline: Instant,
    limit: Duration,
    outcome: Outcome,
    /// Whether git ended, and it was judged how.
    is_judged: bool,
    span: tracing::Span,
}

/// What git has of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Received {
    /// None is asked for.
    Nothing,
    /// The request is not yet fed to git to its end.
    Part,
    /// It is.
    All,
}

/// A place among the gits that run, which is counted.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: GaugeGuard,
}

impl Place {
    /// The place that the permit is for.
    pub fn new(permit: OwnedSemaphorePermit) -> Self {
        Self {
            _permit: permit,
            _counted: GaugeGuard::increment(GIT_SERVICES),
        }
    }
}

impl Running {
    /// A git that was started; `limit` is how long it may run.
    pub fn new(
        (service, dialogue): (GitService, ServerProcess),
        body: Option<Feed>,
        limit: Duration,
        place: Place,
    ) -> io::Result<Self> {
        let stdin = pipe::Sender::from_owned_fd(dialogue.stdin)?;
        let received = match (service, &body) {
            (GitService::ReceivePack, Some(_)) => Received::Part,
            (GitService::UploadPack, _) | (_, None) => Received::Nothing,
        };
        let feed = match body {
            Some(body) => body.run(stdin).boxed().fuse(),
            None => Fuse::terminated(),
        };
        Ok(Self {
            service,
            child: Some((dialogue.child, place)),
            feed,
            received,
            stdout: pipe::Receiver::from_owned_fd(dialogue.stdout)?,
            stderr: listen(dialogue.stderr).boxed().fuse(),
            said: Said::default(),
            piece: vec![0; PIECE_BYTES],
            deadline: Instant::now() + limit,
            limit,
            outcome: Outcome::Left,
            is_judged: false,
            span: tracing::Span::current(),
        })
    }

    /// Whether a change is under way, so that git is not to be ended for want of somebody who listens.
    pub fn is_changing(&self) -> bool {
        let is_over = self.is_judged || self.outcome == Outcome::TimedOut;
        self.received != Received::Nothing && !is_over
    }

    /// Has git go on for nobody, within its time. If it was sent all, the change is made. If not, it ends by itself, and removes
    /// what it has: its input ends. Only git knows which it is: the end of the pack may be there and that of the request not.
    pub async fn run_on(mut self) {
        self.feed = Fuse::terminated();
        // What is wrong with the request, or that its client left, is why a part is all there is.
        let settled = (self.received == Received::Part).then_some(self.outcome);
        while let Ok(Some(_)) = self.next().await {}
        self.outcome = settled.unwrap_or(self.outcome);
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
                fed = &mut self.feed, if !self.feed.is_terminated() => {
                    fed?;
                    if self.received == Received::Part {
                        self.received = Received::All;
                    }
                }
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
        (self.outcome, self.is_judged) = (outcome, true);
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
        let patience = match self.received {
            Received::Nothing => Duration::ZERO,
            Received::Part | Received::All => CLEAR_TIME_MAX,
        };
        self.feed = Fuse::terminated();
        // Open until it has ended: one that speaks to a closed pipe dies of a signal.
        let stdout = self.stdout.as_fd().try_clone_to_owned();
        let stderr = std::mem::replace(&mut self.stderr, Fuse::terminated());
        if let Some((child, place)) = self.child.take() {
            run_detached(move || {
                child.end(patience, END_GRACE);
                drop((place, stdout, stderr));
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
