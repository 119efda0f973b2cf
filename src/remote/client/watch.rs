//! Watches a branch of the store behind a server.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tungstenite::Message;
use tungstenite::http::{HeaderValue, Response};
use tungstenite::protocol::CloseFrame;

use super::error_response::ErrorResponse;
use super::request::{ACCEPTED, Client, may_be_scheme};
use super::response::response_commit;
use crate::names::{BranchName, CommitId, Glob};
use crate::remote::error::{Error, Result};
use crate::remote::websocket::{Socket, WebSocketServer};
use crate::store::{EventFilter, PathChange};
use crate::wire::{
    BranchEvent, MissingName, ReceivedEvent, WATCH_GLOBS_BYTES_MAX, WATCH_GLOBS_MAX,
    encode_header_value, encode_query_value,
};

/// The time without a message after which a connection is regarded as broken. The server sends pings more often.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// The delay before the first attempt to reconnect. It doubles with each further attempt.
const DELAY_FIRST: Duration = Duration::from_millis(250);
/// The longest delay between two attempts to reconnect.
const DELAY_MAX: Duration = Duration::from_secs(5);

/// The minimum time between two reports of commits without selected changes. A server that does not filter sends every commit; the client
/// then removes the changes that are not selected.
const SKIP_INTERVAL: Duration = Duration::from_secs(1);

/// The WebSocket close code of the server for a commit that does not exist.
const CLOSE_NO_COMMIT: u16 = 4404;
/// The WebSocket close code of the server for a branch that was deleted.
const CLOSE_NO_BRANCH: u16 = 4410;

/// The reason why no more events are read from a connection.
enum WatchEnd {
    /// The connection broke. The client reconnects.
    Broken(String),
    /// The branch or the commit no longer exists, or the server is not a wasmstore server. The watch ends.
    Failed(Error),
    /// The caller has stopped the watch.
    Stopped,
}

/// The watched branch, and the last commit that was reported.
struct WatchPosition<'b> {
    branch: Option<&'b BranchName>,
    since: Option<CommitId>,
    filter: &'b EventFilter,
    /// The time of the last report of a commit from which this client has removed all changes.
    skipped: Option<Instant>,
}

impl WatchPosition<'_> {
    /// Returns the event with the selected changes only. If no change is left, returns the event at most once per [`SKIP_INTERVAL`], and
    /// otherwise `None`. An event without changes from a server that filters is always returned: such a server sends few of them.
    fn select(&mut self, mut event: BranchEvent) -> Option<BranchEvent> {
        let is_filtered = event.changes.is_empty();
        let selects = |change: &PathChange| self.filter.selects(change.path.as_str());
        event.changes.retain(selects);
        if is_filtered || !event.changes.is_empty() {
            return Some(event);
        }
        let is_due = { self.skipped }.is_none_or(|skipped| skipped.elapsed() >= SKIP_INTERVAL);
        is_due.then(|| {
            self.skipped = Some(Instant::now());
            event
        })
    }
}

impl Client {
    /// Calls `notify` for each commit of a branch after the commit `since`, or after the branch's current tip, until `notify` returns
    /// `Break`. Each event has a commit and its changes. After a broken connection, the client reconnects and continues after the last
    /// reported commit, so that no commit is missed. The server is asked to filter, and the client filters too, because a server of another
    /// version sends everything.
    ///
    /// # Errors
    /// The first connection fails; the server returns an error response; the branch or the commit no longer exists.
    pub(super) fn watch_branch(
        &self,
        (branch, since): (Option<&BranchName>, Option<CommitId>),
        filter: &EventFilter,
        notify: &mut dyn FnMut(BranchEvent) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut position = WatchPosition {
            branch,
            since,
            filter,
            skipped: None,
        };
        let mut socket = self.connect(&mut position)?;
        let mut delay = DELAY_FIRST;
        loop {
            let since = position.since;
            let reason = match self.read_events(&mut socket, &mut position, notify) {
                WatchEnd::Broken(reason) => reason,
                WatchEnd::Failed(error) => return Err(error),
                WatchEnd::Stopped => return Ok(()),
            };
            tracing::warn!(server = %self.url, reason, "lost the connection to the server; reconnecting");
            if position.since != since {
                delay = DELAY_FIRST;
            }
            socket = self.reconnect(&mut position, &mut delay)?;
        }
    }

    fn reconnect(&self, position: &mut WatchPosition<'_>, delay: &mut Duration) -> Result<Socket> {
        loop {
            thread::sleep(*delay);
            *delay = (*delay * 2).min(DELAY_MAX);
            match self.connect(position) {
                Err(Error::Unreachable { reason, .. }) => {
                    tracing::debug!(reason, "cannot reconnect yet");
                }
                Err(Error::Refused(response)) if response.status >= 500 => {
                    tracing::debug!(%response, "cannot reconnect yet");
                }
                connected => return connected,
            }
        }
    }

    /// Connects to the server. If the position has no commit yet, sets it to the tip of the branch, which is in the server's response.
    fn connect(&self, position: &mut WatchPosition<'_>) -> Result<Socket> {
        let mut path = "/api/v1/watch?commits=true".to_owned();
        if let Some(since) = position.since {
            path.push_str(&format!("&since={since}"));
        }
        path.push_str(&filter_query(position.filter));
        let mut headers = vec![("accept", HeaderValue::from_static(ACCEPTED))];
        if let Some(branch) = position.branch {
            let value = HeaderValue::from_str(&encode_header_value(branch.as_str()))
                .expect("BUG: an encoded name is a valid header value");
            headers.push(("wasmstore-branch", value));
        }
        let server = WebSocketServer {
            url: &self.url,
            key: self.key.as_ref(),
            proxy: self.proxy.as_ref(),
            connect_timeout: self.limits.connect_timeout,
            silence_max: SILENCE_MAX,
        };
        match server.connect(&path, &headers) {
            Ok((socket, response)) => {
                self.has_responded.store(true, Ordering::Relaxed);
                let tip = response_commit(response.headers());
                position.since = position.since.or(tip);
                Ok(socket)
            }
            Err(tungstenite::Error::Http(response)) => Err(self.refused(&response)),
            Err(error) => Err(self.handshake_failed(&error)),
        }
    }

    fn handshake_failed(&self, error: &tungstenite::Error) -> Error {
        let may_be_scheme = match error {
            tungstenite::Error::Io(error) => may_be_scheme(error),
            _ => true,
        };
        if may_be_scheme && let Some(error) = self.wrong_scheme() {
            return error;
        }
        match error {
            // The text of the library's error would repeat the text of the I/O error.
            tungstenite::Error::Io(error) => self.unreachable(error),
            error => self.unreachable(error),
        }
    }

    fn refused(&self, response: &Response<Option<Vec<u8>>>) -> Error {
        let body = response.body().as_deref().unwrap_or_default();
        let text = String::from_utf8_lossy(body);
        let content_type = response
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok());
        let response = ErrorResponse::from_parts(
            &self.url,
            response.status(),
            content_type.unwrap_or_default(),
            None,
            &text,
        );
        Error::Refused(Box::new(response))
    }

    /// Calls `notify` for each event until the connection ends. The server sends a large event in several messages, which are joined.
    fn read_events(
        &self,
        socket: &mut Socket,
        position: &mut WatchPosition<'_>,
        notify: &mut dyn FnMut(BranchEvent) -> ControlFlow<()>,
    ) -> WatchEnd {
        let (mut joined, mut parts, mut bytes) = (None, 0, 0);
        loop {
            let text = match socket.read() {
                Ok(Message::Text(text)) => text,
                Ok(Message::Close(frame)) => return self.closed(frame, position),
                Ok(_) => continue,
                Err(error) => return WatchEnd::Broken(error.to_string()),
            };
            let event: ReceivedEvent = match serde_json::from_str(&text) {
                Ok(event) => event,
                Err(error) => return WatchEnd::Failed(self.invalid_response(error)),
            };
            (parts, bytes) = (parts + 1, bytes + text.len() as u64);
            if event.part != parts || bytes > self.limits.text_bytes_max {
                let reason = "the parts of an event are out of order or too large";
                return WatchEnd::Failed(self.invalid_response(reason));
            }
            let is_last = event.part >= event.parts;
            let event = event.join(joined.take());
            if !is_last {
                joined = Some(event);
                continue;
            }
            let commit = event.commit;
            (parts, bytes) = (0, 0);
            if let Some(event) = position.select(event)
                && notify(event).is_break()
            {
                return WatchEnd::Stopped;
            }
            position.since = Some(commit);
        }
    }

    /// Converts the server's close frame to a [`WatchEnd`]. For a missing commit or branch, the error text is that of a local store.
    fn closed(&self, frame: Option<CloseFrame>, position: &WatchPosition<'_>) -> WatchEnd {
        let Some(frame) = frame else {
            return WatchEnd::Broken("the server closed the connection".to_owned());
        };
        let (detail, missing) = match (frame.code.into(), position.branch, position.since) {
            (CLOSE_NO_COMMIT, _, Some(commit)) => (format!("there is no commit {commit}"), None),
            (CLOSE_NO_BRANCH, Some(branch), _) => (
                format!("there is no branch {:?}", branch.as_str()),
                Some(MissingName::Branch(branch.to_string())),
            ),
            (CLOSE_NO_COMMIT | CLOSE_NO_BRANCH, ..) => (frame.reason.to_string(), None),
            _ => return WatchEnd::Broken(frame.to_string()),
        };
        let response = ErrorResponse::not_found(&self.url, detail, missing);
        WatchEnd::Failed(Error::Refused(Box::new(response)))
    }
}

/// Returns the query parameters that ask the server to filter; none if there are more globs than it accepts.
fn filter_query(filter: &EventFilter) -> String {
    let globs = filter.globs();
    let bytes: usize = globs.iter().map(|glob| glob.to_string().len()).sum();
    if globs.len() > WATCH_GLOBS_MAX || bytes > WATCH_GLOBS_BYTES_MAX {
        return String::new();
    }
    let parameter = |glob: &Glob| format!("&path={}", encode_query_value(&glob.to_string()));
    globs.iter().map(parameter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(paths: &[&str]) -> BranchEvent {
        let changes = paths.iter().map(|path| PathChange {
            path: path.parse().expect("a path"),
            old: None,
            new: None,
        });
        BranchEvent {
            commit: "1".repeat(40).parse().expect("a commit"),
            branch: "main".parse().expect("a branch"),
            parents: Vec::new(),
            author: String::new(),
            date_s: 0,
            message: String::new(),
            reset: false,
            changes: changes.collect(),
        }
    }

    #[test]
    fn events_of_a_server_that_does_not_filter_are_filtered_and_seldom_empty() {
        let filter = EventFilter::new(vec![Glob::parse("math/").expect("a glob")]);
        let mut position = WatchPosition {
            branch: None,
            since: None,
            filter: &filter,
            skipped: None,
        };
        let mut select = |paths: &[&str]| {
            let selected = position.select(event(paths));
            selected.map(|event| event.changes.len())
        };
        assert_eq!(select(&["math/a", "x"]), Some(1));
        assert_eq!(select(&["x"]), Some(0), "the first one is reported");
        assert_eq!(select(&["x", "y"]), None, "the next ones come at once");
        assert_eq!(select(&[]), Some(0), "a server that filters sent it");
        assert_eq!(select(&["math/b"]), Some(1));
    }

    #[test]
    fn more_globs_than_a_server_accepts_are_not_sent() {
        let filter = |count| EventFilter::new(vec![Glob::parse("a&b").expect("a glob"); count]);
        assert_eq!(filter_query(&filter(2)), "&path=a%26b&path=a%26b");
        assert_eq!(filter_query(&filter(WATCH_GLOBS_MAX + 1)), "");
        assert_eq!(filter_query(&filter(0)), "");
    }
}
