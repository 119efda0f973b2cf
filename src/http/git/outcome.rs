//! How a git ended that served a request, and what that makes of the answer.

use std::process::ExitStatus;

use axum::http::StatusCode;

use crate::http::error::{Failure, Result};
use crate::remote::is_client_error;

/// What came of a request, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// git did what was asked.
    Done,
    /// What was asked is wrong, or too much, or came too slowly.
    Refused,
    /// git failed.
    Failed,
    /// It took too long.
    TimedOut,
    /// The client did not wait for the end.
    Left,
}

impl Outcome {
    /// Its label.
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

/// What a git has said before it ended.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Something, to the client.
    pub has_answered: bool,
    /// Last, to the client, that it failed.
    pub has_told: bool,
    /// To those who look after it.
    pub aside: String,
}

impl Said {
    /// Notes what is said to the client.
    pub fn note(&mut self, piece: &[u8]) {
        self.has_answered = true;
        // An error packet (gitprotocol-common(5)) is written by itself, and nothing after it.
        self.has_told = piece.get(4..8) == Some(b"ERR ");
    }
}

/// Judges an end; `None` is that of one that does not end though it has closed its output. git ends with a failure also when it
/// has told the client why: such an answer is whole.
pub(super) fn judge(status: Option<ExitStatus>, said: &Said) -> (Outcome, Result<()>) {
    let (aside, has_answered) = (&*said.aside, said.has_answered);
    let was_killed = status.is_none_or(|status| status.code().is_none());
    if status.is_some_and(|status| status.success()) {
        tracing::debug!(aside, "git served a request");
        (Outcome::Done, Ok(()))
    } else if !was_killed && said.has_told {
        tracing::info!(aside, "git refused a request");
        (Outcome::Refused, Ok(()))
    } else if !was_killed && !has_answered && is_client_error(aside) {
        tracing::info!(aside, "git refused a request");
        let reason = aside.lines().find_map(|line| line.strip_prefix("fatal: "));
        let detail = format!("git: {}", reason.unwrap_or_default());
        (Outcome::Refused, Err(Failure::malformed(detail)))
    } else {
        tracing::error!(
            ?status,
            aside,
            has_answered,
            "git failed to serve a request"
        );
        let detail = "git failed; the log tells more";
        let failure = Failure::new(StatusCode::INTERNAL_SERVER_ERROR, detail);
        (Outcome::Failed, Err(failure))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    const DONE: i32 = 0;
    const DIED: i32 = 128 << 8;
    const KILLED: i32 = 9;

    fn judged(status: i32, answer: &[&[u8]], aside: &str) -> (Outcome, Option<u16>) {
        let mut said = Said {
            aside: aside.to_owned(),
            ..Said::default()
        };
        answer.iter().for_each(|piece| said.note(piece));
        let (outcome, result) = judge(Some(ExitStatus::from_raw(status)), &said);
        (
            outcome,
            result.err().map(|failure| failure.status().as_u16()),
        )
    }

    #[test]
    fn an_answer_is_whole_when_git_says_so() {
        use Outcome::{Done, Failed, Refused};
        let (pack, error): (&[u8], &[u8]) = (b"0009\x01PACK", b"000bERR no\n");
        let blame = "fatal: protocol error: bad band";
        for (status, answer, aside, expected) in [
            (DONE, &[][..], "", (Done, None)),
            (DONE, &[pack], "warning: x", (Done, None)),
            (DIED, &[error], "fatal: no", (Refused, None)),
            (DIED, &[error, pack], "fatal: no", (Failed, Some(500))),
            (DIED, &[], blame, (Refused, Some(400))),
            (DIED, &[], "fatal: no", (Failed, Some(500))),
            (DIED, &[pack], blame, (Failed, Some(500))),
            (KILLED, &[], blame, (Failed, Some(500))),
            (KILLED, &[error], "", (Failed, Some(500))),
        ] {
            assert_eq!(
                judged(status, answer, aside),
                expected,
                "{status} {aside:?}"
            );
        }
        let (outcome, result) = judge(None, &Said::default());
        assert!(outcome == Failed && result.is_err());
    }
}
