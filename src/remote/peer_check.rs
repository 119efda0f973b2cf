//! Checks whether another server responds whose store is in the same bucket.

use std::time::{Duration, Instant};

use super::client::agent;
use crate::config::ClientLimits;
use crate::names::ServerUrl;

/// The maximum time for which a check waits for the response of the other server.
const TIMEOUT: Duration = Duration::from_millis(700);

/// The minimum time between two attempts of this server at a takeover. In a takeover, it takes over the duties of the server that last
/// wrote to the bucket.
const TAKEOVER_PAUSE: Duration = Duration::from_secs(10);
/// A header that is in every response of a wasmstore server whose store is in a bucket.
const GENERATION: &str = "wasmstore-generation";

/// Checks repeatedly whether a server responds. Also records when this server last tried to take over the duties of that server.
#[derive(Default)]
pub(super) struct PeerCheck {
    /// The URL of the server that was checked last.
    url: Option<String>,
    failures: u32,
    last_takeover_attempt: Option<Instant>,
}

impl PeerCheck {
    /// Returns whether the server at `url` responds to `/healthz`, and counts a failure if it does not. Failures of another server do not
    /// count.
    pub fn responds(&mut self, url: &ServerUrl) -> bool {
        let checked = self.url.replace(url.at(""));
        if checked != self.url {
            self.failures = 0;
        }
        let limits = ClientLimits {
            connect_timeout: TIMEOUT,
            silence_max: TIMEOUT,
            ..ClientLimits::default()
        };
        let response = agent(url, None, &limits).get(url.at("/healthz")).call();
        // The status does not matter, because a server may reject the request because of its host name. But without the header, the program
        // at this URL is not a wasmstore server whose store is in a bucket.
        let responds = response.is_ok_and(|response| response.headers().contains_key(GENERATION));
        if !responds {
            self.failures = self.failures.saturating_add(1);
        }
        responds
    }

    /// Records that this server now tries to take over the duties of the checked server, such as pushes to mirrors.
    pub fn note_takeover_attempt(&mut self) {
        self.last_takeover_attempt = Some(Instant::now());
    }

    /// Returns whether this server has tried to take over the duties of another server less than [`TAKEOVER_PAUSE`] ago.
    pub fn has_attempted_takeover_lately(&self) -> bool {
        self.last_takeover_attempt
            .is_some_and(|at| at.elapsed() < TAKEOVER_PAUSE)
    }

    /// Returns the number of failed checks of the server that was checked last, since the last reset.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Sets the number of failures to zero.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_for_one_server() {
        let url = || {
            let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            ServerUrl::parse(&format!("http://{}", socket.local_addr().unwrap())).unwrap()
        };
        let (one, two) = (url(), url());
        let mut check = PeerCheck::default();
        for (url, failures) in [(&one, 1), (&one, 2), (&two, 1), (&one, 1)] {
            assert!(!check.responds(url));
            assert_eq!(check.failures(), failures);
        }
    }
}
