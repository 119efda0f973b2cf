//! The flags of a server that follows another one.

use std::time::Duration;

use clap::ValueEnum;

use super::exit::Result;
use super::limit_args::seconds;
use super::settings::text_variable;
use crate::config::ReplicaLimits;
use crate::http::ReplicaWrites;
use crate::names::ServerUrl;
use crate::remote::Primary;

/// Whom to follow.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Replica")]
pub(super) struct ReplicaArgs {
    /// Follow the store that is served there, and answer reads in its place; its key, if it has keys, is in WASMSTORE_REPLICA_KEY
    #[arg(long, value_name = "URL", value_parser = ServerUrl::parse)]
    replica_of: Option<ServerUrl>,
    /// What is done with changes [default: redirect]
    #[arg(long, value_name = "WHAT", requires = "replica_of")]
    replica_changes: Option<What>,
    /// How often to ask where the branches are, beside being told [default: 2]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires = "replica_of")]
    replica_poll: Option<Duration>,
}

/// What is done with changes.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Send the client on to the followed store, with 307
    Redirect,
    /// Refuse them, with 403
    Refuse,
}

impl ReplicaArgs {
    /// Whom to follow, and what is done with changes; `None` if nobody is followed.
    pub fn primary(&self) -> Result<Option<(Primary, ReplicaWrites)>> {
        let Some(url) = &self.replica_of else {
            return Ok(None);
        };
        let usual = ReplicaLimits::default();
        let primary = Primary {
            url: url.clone(),
            key: text_variable("WASMSTORE_REPLICA_KEY")?,
            limits: ReplicaLimits {
                poll_interval: self.replica_poll.unwrap_or(usual.poll_interval),
                ..usual
            },
        };
        let changes = match self.replica_changes {
            Some(What::Refuse) => ReplicaWrites::Refuse,
            Some(What::Redirect) | None => ReplicaWrites::Redirect(url.clone()),
        };
        Ok(Some((primary, changes)))
    }
}
