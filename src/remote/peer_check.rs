//! Checks whether another server of the same store responds.

use std::time::Duration;

use ureq::Agent;

use crate::names::ServerUrl;

/// How long a check waits for a response.
const TIMEOUT: Duration = Duration::from_millis(700);

/// Checks one server, again and again.
#[derive(Default)]
pub(super) struct PeerCheck {
    failures: u32,
}

impl PeerCheck {
    /// Returns whether the server at `url` responds to `/healthz`, and counts a failure if it does not.
    pub fn responds(&mut self, url: &ServerUrl) -> bool {
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false);
        let agent = Agent::new_with_config(config.build());
        // A server that responds with any status is alive: it may refuse the request because of its host name.
        let responds = agent.get(url.at("/healthz")).call().is_ok();
        if !responds {
            self.failures = self.failures.saturating_add(1);
        }
        responds
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
