//! The outcome of a git process, and the response to the client that results from it.

use std::process::ExitStatus;

use axum::http::StatusCode;

use crate::http::error::{Failure, Result};
use crate::remote::{is_client_error, reached_limit};

/// The outcome of a request to git, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GitOutcome {
    /// git answered the request.
    Done,
    /// The request is malformed or too large, or its body was received too slowly.
    Refused,
    /// git exited with an error, was killed, or could not be read from.
    Failed,
    /// git exceeded its time limit.
    TimedOut,
    /// The client disconnected before git had ended.
    Left,
}

impl GitOutcome {
    /// Returns the value of the metric's label `outcome`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Left => "left",
        }
    }
}

/// What is known about the output of a git process so far.
#[derive(Debug, Default)]
pub(super) struct GitOutput {
    /// Whether git has sent any output to the client.
    pub has_responded: bool,
    /// Whether the last output that git has sent to the client is an error packet.
    pub ends_with_error: bool,
    /// The beginning of git's standard error; empty until git has closed it.
    pub stderr: String,
}

impl GitOutput {
    /// Records a chunk of output that is sent to the client.
    pub fn record(&mut self, chunk: &[u8]) {
        self.has_responded = true;
        // git itself writes an error packet (gitprotocol-common(5)) when it refuses a request, and writes nothing after it.
        self.ends_with_error = chunk.get(4..8) == Some(b"ERR ");
    }
}

/// Determines the outcome of a process from its exit status; `None` means that git has closed its output but has not exited in time. If git
/// fails after it has sent an error packet to the client, the response is complete, because git writes nothing after an error packet.
pub(super) fn outcome_of_exit(
    status: Option<ExitStatus>,
    output: &GitOutput,
) -> (GitOutcome, Result<()>) {
    let (stderr, has_responded) = (&*output.stderr, output.has_responded);
    let was_killed = status.is_none_or(|status| status.code().is_none());
    if status.is_some_and(|status| status.success()) {
        tracing::debug!(stderr, "git served a request");
        (GitOutcome::Done, Ok(()))
    } else if !was_killed && output.ends_with_error {
        tracing::info!(stderr, "git refused a request");
        (GitOutcome::Refused, Ok(()))
    } else if !was_killed && !has_responded && is_client_error(stderr) {
        tracing::info!(stderr, "git refused a request");
        let reason = stderr.lines().find_map(|line| line.strip_prefix("fatal: "));
        let detail = format!("git: {}", reason.unwrap_or_default());
        (GitOutcome::Refused, Err(Failure::malformed(detail)))
    } else if let Some(limit) = reached_limit(stderr, status) {
        tracing::error!(stderr, limit, "git reached a limit of its process");
        let detail = format!("git reached its limit of {limit} on the server");
        let failure = Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        (GitOutcome::Failed, Err(failure))
    } else {
        tracing::error!(
            ?status,
            stderr,
            has_responded,
            "git failed to serve a request"
        );
        (GitOutcome::Failed, Err(internal_failure()))
    }
}

/// Logs that git could not be started or its output could not be read. Returns a 500 response that does not contain the error.
pub(super) fn git_failed(error: &str) -> Failure {
    tracing::error!(error, "cannot run git for a request");
    internal_failure()
}

fn internal_failure() -> Failure {
    let detail = "git failed; see the server log";
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
}

/// Returns the 501 response of a server on which git is not installed.
pub(in crate::http) fn git_not_installed() -> Failure {
    let detail = "git is not installed on the server, and fetches and pushes need it";
    Failure::new(StatusCode::NOT_IMPLEMENTED, detail)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    const SUCCESS: i32 = 0;
    const FAILURE: i32 = 128 << 8;
    const KILLED: i32 = 9;

    fn outcome(status: i32, chunks: &[&[u8]], stderr: &str) -> (GitOutcome, Option<u16>) {
        let mut output = GitOutput {
            stderr: stderr.to_owned(),
            ..GitOutput::default()
        };
        chunks.iter().for_each(|chunk| output.record(chunk));
        let (outcome, result) = outcome_of_exit(Some(ExitStatus::from_raw(status)), &output);
        (
            outcome,
            result.err().map(|failure| failure.status().as_u16()),
        )
    }

    #[test]
    fn response_is_complete_after_success_or_an_error_packet() {
        use GitOutcome::{Done, Failed, Refused};
        let (pack, error): (&[u8], &[u8]) = (b"0009\x01PACK", b"000bERR no\n");
        let client_error = "fatal: protocol error: bad band";
        for (status, chunks, stderr, expected) in [
            (SUCCESS, &[][..], "", (Done, None)),
            (SUCCESS, &[pack], "warning: x", (Done, None)),
            (FAILURE, &[error], "fatal: no", (Refused, None)),
            (FAILURE, &[error, pack], "fatal: no", (Failed, Some(500))),
            (FAILURE, &[], client_error, (Refused, Some(400))),
            (FAILURE, &[], "fatal: no", (Failed, Some(500))),
            (FAILURE, &[pack], client_error, (Failed, Some(500))),
            (KILLED, &[], client_error, (Failed, Some(500))),
            (KILLED, &[error], "", (Failed, Some(500))),
        ] {
            assert_eq!(
                outcome(status, chunks, stderr),
                expected,
                "{status} {stderr:?}"
            );
        }
        let (outcome, result) = outcome_of_exit(None, &GitOutput::default());
        assert!(outcome == Failed && result.is_err());
    }
}
