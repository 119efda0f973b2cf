//! Checks whether another server of the same store responds.

use std::time::{Duration, Instant};

use super::client::agent;
use crate::config::ClientLimits;
use crate::names::ServerUrl;

/// How long a check waits for a response.
const TIMEOUT: Duration = Duration::from_millis(700);

/// The shortest time between two takeovers by this server.
const CLAIM_PAUSE: Duration = Duration::from_secs(10);
/// The header in every response of a server on a bucket.
const GENERATION: &str = "wasmstore-generation";

/// Checks one server, again and again.
#[derive(Default)]
pub(super) struct PeerCheck {
    failures: u32,
    claimed: Option<Instant>,
}

impl PeerCheck {
    /// Returns whether the server at `url` responds to `/healthz`, and counts a failure if it does not.
    pub fn responds(&mut self, url: &ServerUrl) -> bool {
        let limits = ClientLimits {
            connect_timeout: TIMEOUT,
            silence_max: TIMEOUT,
            ..ClientLimits::default()
        };
        let response = agent(url, None, &limits).get(url.at("/healthz")).call();
        // Any status will do: a server may refuse the request because of its host name. But another program at this URL is no server.
        let responds = response.is_ok_and(|response| response.headers().contains_key(GENERATION));
        if !responds {
            self.failures = self.failures.saturating_add(1);
        }
        responds
    }

    /// Notes that this server takes over.
    pub fn note_claim(&mut self) {
        self.claimed = Some(Instant::now());
    }

    /// Returns whether this server has taken over a short time ago.
    pub fn has_claimed_lately(&self) -> bool {
        self.claimed.is_some_and(|at| at.elapsed() < CLAIM_PAUSE)
    }

    /// Returns the number of failures since the last reset.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Forgets the failures.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}
