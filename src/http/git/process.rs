//! A git process that serves a request: its input, its output and its exit.

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
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::outcome::{GitOutcome, GitOutput, git_failed, outcome_of_exit};
use super::stdin::StdinWriter;
use crate::http::blocking::run_detached;
use crate::http::error::{Failure, Result};
use crate::http::git_permits::GitPermit;
use crate::http::metrics::GIT_REQUESTS;
use crate::remote::{ChildProcess, GitService, ServerProcess};

/// How much of git's output is read and sent at a time, in bytes: the capacity of a pipe.
const CHUNK_BYTES: usize = 64 << 10;
/// How much of git's standard error is logged, in bytes.
const STDERR_BYTES_MAX: usize = 2 << 10;
/// How long git may take to exit after it has closed its output.
const EXIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long git may take to clean up after SIGTERM. The same time is allowed for reading the rest of its standard error.
const TERM_GRACE: Duration = Duration::from_secs(1);
/// How long git-receive-pack(1) may take to delete its quarantine and exit after its input has ended.
const QUARANTINE_CLEANUP_TIMEOUT: Duration = Duration::from_secs(2);

/// A git process that serves a request. Dropping it ends the process.
pub(super) struct GitProcess {
    service: GitService,
    /// The process and its permit, which is released when the process has ended.
    child: Option<(ChildProcess, GitPermit)>,
    /// A future that writes the request body to git.
    stdin: Fuse<BoxFuture<'static, Result<()>>>,
    push_input: PushInput,
    stdout: pipe::Receiver,
    /// A future that reads git's standard error to its end and returns the first [`STDERR_BYTES_MAX`] bytes.
    stderr: Fuse<BoxFuture<'static, String>>,
    output: GitOutput,
    chunk: Vec<u8>,
    deadline: Instant,
    limit: Duration,
    outcome: GitOutcome,
    /// Whether `outcome` was determined from git's exit status.
    has_exited: bool,
    span: tracing::Span,
}

/// How much of the request body of a push was written to git.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PushInput {
    /// The request is not a push, or it has no body.
    None,
    /// Some of the request body was not yet written to git.
    Partial,
    /// All of the request body was written to git.
    Complete,
}

impl GitProcess {
    /// Wraps a process that was just started. It may run for `limit`.
    pub fn new(
        (service, process): (GitService, ServerProcess),
        body: Option<StdinWriter>,
        limit: Duration,
        permit: GitPermit,
    ) -> io::Result<Self> {
        let stdin = pipe::Sender::from_owned_fd(process.stdin)?;
        let push_input = match (service, &body) {
            (GitService::ReceivePack, Some(_)) => PushInput::Partial,
            (GitService::UploadPack, _) | (_, None) => PushInput::None,
        };
        let stdin = match body {
            Some(body) => body.write_all(stdin).boxed().fuse(),
            None => Fuse::terminated(),
        };
        Ok(Self {
            service,
            child: Some((process.child, permit)),
            stdin,
            push_input,
            stdout: pipe::Receiver::from_owned_fd(process.stdout)?,
            stderr: read_stderr(process.stderr).boxed().fuse(),
            output: GitOutput::default(),
            chunk: vec![0; CHUNK_BYTES],
            deadline: Instant::now() + limit,
            limit,
            outcome: GitOutcome::Left,
            has_exited: false,
            span: tracing::Span::current(),
        })
    }

    /// Returns whether git may be updating refs for a push. If so, it must not be ended just because the client disconnected.
    pub fn may_update_refs(&self) -> bool {
        let has_ended = self.has_exited || self.outcome == GitOutcome::TimedOut;
        self.push_input != PushInput::None && !has_ended
    }

    /// Lets git continue without a client, within its time limit. If git has received the whole push, it updates the refs. If not, git's
    /// input ends early, so git deletes the quarantined objects and exits. The server cannot distinguish these cases: git may have received
    /// the end of the pack even if the end of the request is missing.
    pub async fn run_detached(mut self) {
        self.stdin = Fuse::terminated();
        // If the input is incomplete, the outcome was already determined when the client disconnected, and git's exit status must not
        // change it.
        let settled = (self.push_input == PushInput::Partial).then_some(self.outcome);
        while let Ok(Some(_)) = self.next().await {}
        self.outcome = settled.unwrap_or(self.outcome);
    }

    /// Returns the next chunk of git's output; `None` when git has closed its output and exited successfully.
    ///
    /// # Errors
    /// 400, 408 and 413 for errors in the request body; 400, 500 and 503 if git fails.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let deadline = self.deadline;
        let read = timeout_at(deadline, self.read()).await;
        let next = read.unwrap_or_else(|_| Err(self.time_out()));
        if let Err(failure) = &next
            && self.outcome == GitOutcome::Left
        {
            self.outcome = GitOutcome::Refused;
            if self.output.has_responded {
                self.span
                    .in_scope(|| tracing::info!(?failure, "a response of git was cut off"));
            }
        }
        next
    }

    async fn read(&mut self) -> Result<Option<Bytes>> {
        loop {
            tokio::select! {
                biased;
                written = &mut self.stdin, if !self.stdin.is_terminated() => {
                    written?;
                    if self.push_input == PushInput::Partial {
                        self.push_input = PushInput::Complete;
                    }
                }
                stderr = &mut self.stderr, if !self.stderr.is_terminated() => {
                    self.output.stderr = stderr;
                }
                read = self.stdout.read(&mut self.chunk) => match read {
                    Ok(0) => return self.finish().await.map(|()| None),
                    Ok(count) => {
                        let chunk = Bytes::copy_from_slice(&self.chunk[..count]);
                        self.output.record(&chunk);
                        return Ok(Some(chunk));
                    }
                    Err(error) => {
                        self.outcome = GitOutcome::Failed;
                        return Err(self.span.in_scope(|| git_failed(&error.to_string())));
                    }
                }
            }
        }
    }

    /// Waits until git has exited, and determines the outcome.
    async fn finish(&mut self) -> Result<()> {
        let status = self.exit_status().await;
        if !self.stderr.is_terminated() {
            let stderr = timeout(TERM_GRACE, &mut self.stderr).await;
            self.output.stderr = stderr.unwrap_or_default();
        }
        let (outcome, result) = self.span.in_scope(|| outcome_of_exit(status, &self.output));
        (self.outcome, self.has_exited) = (outcome, true);
        result
    }

    /// Returns git's exit status; `None` if git does not exit within [`EXIT_TIMEOUT`].
    async fn exit_status(&mut self) -> Option<ExitStatus> {
        let (child, _) = self.child.as_mut()?;
        let deadline = Instant::now() + EXIT_TIMEOUT;
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

    fn time_out(&mut self) -> Failure {
        self.outcome = GitOutcome::TimedOut;
        let limit_s = self.limit.as_secs();
        self.span
            .in_scope(|| tracing::warn!(limit_s, "git exceeded its time limit"));
        let detail = format!("git did not end within {limit_s} s");
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}

impl Drop for GitProcess {
    fn drop(&mut self) {
        let (service, outcome) = (self.service.name(), self.outcome.name());
        counter!(GIT_REQUESTS, "service" => service, "outcome" => outcome).increment(1);
        let patience = match self.push_input {
            PushInput::None => Duration::ZERO,
            PushInput::Partial | PushInput::Complete => QUARANTINE_CLEANUP_TIMEOUT,
        };
        self.stdin = Fuse::terminated();
        // The pipes stay open until git has ended. If git wrote to a closed pipe, SIGPIPE would kill it before it has cleaned up.
        let stdout = self.stdout.as_fd().try_clone_to_owned();
        let stderr = std::mem::replace(&mut self.stderr, Fuse::terminated());
        if let Some((child, permit)) = self.child.take() {
            run_detached(move || {
                child.end(patience, TERM_GRACE);
                drop((permit, stdout, stderr));
            });
        }
    }
}

/// Reads git's standard error to its end, and returns the first [`STDERR_BYTES_MAX`] bytes of it.
async fn read_stderr(stderr: OwnedFd) -> String {
    let mut kept = Vec::new();
    let Ok(mut stderr) = pipe::Receiver::from_owned_fd(stderr) else {
        return String::new();
    };
    let mut chunk = [0; 512];
    while let Ok(count @ 1..) = stderr.read(&mut chunk).await {
        let capacity = STDERR_BYTES_MAX - kept.len();
        kept.extend_from_slice(&chunk[..count.min(capacity)]);
    }
    String::from_utf8_lossy(&kept).trim_end().to_owned()
}
