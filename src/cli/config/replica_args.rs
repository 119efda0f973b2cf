//! The flags of a replica, a server that follows another server.

use super::combine::{Combine, combine_fields};
use super::error::ConfigError;
use super::file::FileSettings;
use super::value_types::{Seconds, WriteHandling};
use crate::cli::environment::text_variable;
use crate::cli::exit::Result;
use crate::config::ReplicaLimits;
use crate::http::ReplicaWrites;
use crate::names::ServerUrl;
use crate::remote::Primary;

/// The flags that name the primary, the server that a replica follows, and say how the replica works.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Replica")]
pub(in crate::cli) struct ReplicaArgs {
    /// Serve a replica of the store at this URL; WASMSTORE_REPLICA_KEY contains the key for it, if it needs one
    #[arg(long, value_name = "URL", value_parser = ServerUrl::parse)]
    replica_of: Option<ServerUrl>,
    /// Select how to handle requests that change the store
    #[arg(long, value_name = "WHAT", default_value = "redirect")]
    replica_changes: WriteHandling,
    /// Ask the primary for its branches this often, in addition to its notifications
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(ReplicaLimits::default().poll_interval))]
    replica_poll: Seconds,
}

impl ReplicaArgs {
    pub(super) fn combine(
        &mut self,
        combine: &mut Combine<'_>,
        file: &mut FileSettings,
    ) -> Result<(), ConfigError> {
        combine_fields!(combine, self, file: replica_of, replica_changes, replica_poll);
        Ok(())
    }

    /// Returns the primary, and how the replica handles writes; `None` if the server is not a replica.
    pub fn primary(&self) -> Result<Option<(Primary, ReplicaWrites)>> {
        let Some(url) = &self.replica_of else {
            return Ok(None);
        };
        let primary = Primary {
            url: url.clone(),
            key: text_variable("WASMSTORE_REPLICA_KEY")?,
            limits: ReplicaLimits {
                poll_interval: self.replica_poll.0,
                ..ReplicaLimits::default()
            },
        };
        let changes = match self.replica_changes {
            WriteHandling::Refuse => ReplicaWrites::Refuse,
            WriteHandling::Redirect => ReplicaWrites::Redirect(url.clone()),
        };
        Ok(Some((primary, changes)))
    }
}
