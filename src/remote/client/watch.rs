//! Following a branch of a store that is served elsewhere.

use std::thread;
use std::time::Duration;

use tungstenite::Message;
use tungstenite::http::{HeaderValue, Response};
use tungstenite::protocol::CloseFrame;

use super::error_response::Refused;
use super::request::{ACCEPTED, Client, commit};
use crate::names::{BranchName, CommitId};
use crate::remote::error::{Error, Result};
use crate::remote::websocket::{Reached, Socket};
use crate::store::PathChange;
use crate::wire::{Missing, ReceivedEvent, escaped_value};

/// For how long the server may be silent: it pings more often.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long to wait before it is connected to again, at first; then twice as long each time,
const DELAY_FIRST: Duration = Duration::from_millis(250);
/// up to this.
const DELAY_MAX: Duration = Duration::from_secs(5);

/// The close codes for a commit that is not there, and for a branch that was deleted.
const NO_COMMIT: u16 = 4404;
const NO_BRANCH: u16 = 4410;

/// Why there is nothing to be read any more.
enum End {
    /// The connection broke; the server may be there again.
    Broken(String),
    /// There is nothing to follow.
    Over(Error),
}

impl Client {
    /// Follows a branch, or the default one, from the commit `since`, or from its tip: `tell` is called with what each commit
    /// changed. A connection that breaks is made anew, for ever, and nothing is missed.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses; the branch is deleted, or the commit is not there any more; those of `tell`.
    pub fn watch<E: From<Error>>(
        &self,
        branch: Option<&BranchName>,
        mut since: Option<CommitId>,
        mut tell: impl FnMut(&[PathChange]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut socket = self.open_socket(branch, &mut since)?;
        let mut delay = DELAY_FIRST;
        loop {
            let before = since;
            let reason = match self.follow(&mut socket, branch, &mut since, &mut tell)? {
                End::Broken(reason) => reason,
                End::Over(error) => return Err(error.into()),
            };
            tracing::warn!(server = %self.url, reason, "the server is gone; it is watched again as soon as it is back");
            if since != before {
                delay = DELAY_FIRST;
            }
            socket = self.open_again(branch, &mut since, &mut delay)?;
        }
    }

    fn open_again(
        &self,
        branch: Option<&BranchName>,
        since: &mut Option<CommitId>,
        delay: &mut Duration,
    ) -> Result<Socket> {
        loop {
            thread::sleep(*delay);
            *delay = (*delay * 2).min(DELAY_MAX);
            match self.open_socket(branch, since) {
                Err(Error::Unreachable { reason, .. }) => {
                    tracing::debug!(reason, "not yet");
                }
                Err(Error::Refused(refused)) if refused.status >= 500 => {
                    tracing::debug!(%refused, "not yet");
                }
                opened => return opened,
            }
        }
    }

    /// Connects; without a commit to begin with, the tip is one from now on.
    fn open_socket(
        &self,
        branch: Option<&BranchName>,
        since: &mut Option<CommitId>,
    ) -> Result<Socket> {
        let mut path = "/api/v1/watch?commits=true".to_owned();
        if let Some(since) = since {
            path.push_str(&format!("&since={since}"));
        }
        let branch = branch.map(|branch| escaped_value(branch.as_str()));
        let branch = branch.map(|branch| HeaderValue::from_str(&branch));
        let branch = branch.transpose().expect("BUG: escapes are header values");
        let branch = branch.map(|branch| ("wasmstore-branch", branch));
        let form = ("accept", HeaderValue::from_static(ACCEPTED));
        let headers: Vec<_> = branch.into_iter().chain([form]).collect();
        let reached = Reached {
            url: &self.url,
            key: self.key.as_ref(),
            connect_timeout: self.limits.connect_timeout,
            silence_max: SILENCE_MAX,
        };
        match reached.connect(&path, &headers) {
            Ok((socket, answer)) => {
                *since = since.or(commit(answer.headers()));
                Ok(socket)
            }
            Err(tungstenite::Error::Http(answer)) => Err(self.refused(&answer)),
            // It tells its reason itself.
            Err(tungstenite::Error::Io(error)) => Err(self.unreachable(&error)),
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    fn refused(&self, answer: &Response<Option<Vec<u8>>>) -> Error {
        let body = answer.body().as_deref().unwrap_or_default();
        let body = String::from_utf8_lossy(body);
        let form = answer.headers().get("content-type");
        let form = form.and_then(|form| form.to_str().ok()).unwrap_or_default();
        let refused = Refused::of(&self.url, answer.status(), form, None, &body);
        Error::Refused(Box::new(refused))
    }

    /// Tells of every commit until the connection ends.
    fn follow<E: From<Error>>(
        &self,
        socket: &mut Socket,
        branch: Option<&BranchName>,
        since: &mut Option<CommitId>,
        tell: &mut impl FnMut(&[PathChange]) -> Result<(), E>,
    ) -> Result<End, E> {
        let (mut changes, mut parts, mut bytes) = (Vec::new(), 0, 0);
        loop {
            let text = match socket.read() {
                Ok(Message::Text(text)) => text,
                Ok(Message::Close(frame)) => return Ok(self.end(frame, branch, *since)),
                Ok(_) => continue,
                Err(error) => return Ok(End::Broken(error.to_string())),
            };
            let event: ReceivedEvent = match serde_json::from_str(&text) {
                Ok(event) => event,
                Err(error) => return Ok(End::Over(self.strange(error.to_string()))),
            };
            (parts, bytes) = (parts + 1, bytes + text.len() as u64);
            if event.part != parts || bytes > self.limits.text_bytes_max {
                let what = "the parts of what it tells do not follow each other".to_owned();
                return Ok(End::Over(self.strange(what)));
            }
            changes.extend(event.changes.0);
            if event.part >= event.parts {
                tell(&changes)?;
                changes.clear();
                (parts, bytes) = (0, 0);
                *since = Some(event.commit.0);
            }
        }
    }

    /// Why the server ended it; what is not there any more is said as the store says it.
    fn end(
        &self,
        frame: Option<CloseFrame>,
        branch: Option<&BranchName>,
        since: Option<CommitId>,
    ) -> End {
        let Some(frame) = frame else {
            return End::Broken("it closed the connection".to_owned());
        };
        let (detail, missing) = match (frame.code.into(), branch, since) {
            (NO_COMMIT, _, Some(commit)) => (format!("there is no commit {commit}"), None),
            (NO_BRANCH, Some(branch), _) => (
                format!("there is no branch {:?}", branch.as_str()),
                Some(Missing::Branch(branch.to_string())),
            ),
            (NO_COMMIT | NO_BRANCH, ..) => (frame.reason.to_string(), None),
            _ => return End::Broken(frame.to_string()),
        };
        let refused = Refused::not_found(&self.url, detail, missing);
        End::Over(Error::Refused(Box::new(refused)))
    }
}
