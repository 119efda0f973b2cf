//! SIGHUP: a running server reads its keys and its certificate again.
//!
//! What cannot be read changes nothing, and a server that has keys never gets rid of them: without any it would be open to everyone.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::timeout;

use super::exit::Result;
use super::sd_notify::Supervisor;
use crate::http::{KeyError, Keyring, Keys, TlsReload};

/// How long reading one of them may take: a file may be on a disk that answers no more, and the next signal has to count.
const READ_MAX: Duration = Duration::from_secs(30);

/// Reads the keys again, from where they came.
pub(super) type ReadKeys = Arc<dyn Fn() -> Result<Option<Keys>> + Send + Sync>;

/// What a running server reads again.
pub(super) struct Reload {
    pub read_keys: ReadKeys,
    /// The keys that hold; `None` if the server is open.
    pub keyring: Option<Keyring>,
    pub tls: Option<TlsReload>,
    pub supervisor: Supervisor,
    /// What the server does, in the supervisor's list.
    pub status: String,
}

impl Reload {
    /// Reads all of it at each signal.
    pub async fn at(self, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            self.supervisor.reloads();
            // One that fails is no reason to leave out the other.
            let (has_keys, has_tls) = (self.keys().await, self.certificate().await);
            if has_keys && self.keyring.is_none() && self.tls.is_none() {
                tracing::info!("there are neither keys nor a certificate to read again");
            }
            match has_keys && has_tls {
                true => self.supervisor.is_ready(&self.status),
                false => {
                    let status = format!("{}; the reload failed, see the log", self.status);
                    self.supervisor.is_ready(&status);
                }
            }
        }
    }

    /// Has other keys hold, if there are any to read; returns whether nothing is wrong.
    async fn keys(&self) -> bool {
        let read_keys = Arc::clone(&self.read_keys);
        let reading = tokio::task::spawn_blocking(move || read_keys());
        let Ok(read) = timeout(READ_MAX, reading).await else {
            return refuse_keys(&too_slow());
        };
        let error = match (read, &self.keyring) {
            (Ok(Ok(None)), None) => return true,
            (Ok(Ok(Some(keys))), Some(keyring)) => {
                let count = keys.len();
                keyring.replace(keys);
                tracing::info!(count, "the keys were read anew");
                return true;
            }
            (Ok(Ok(Some(_))), None) => {
                tracing::error!(
                    "there are keys now, but the server is open until it is started again"
                );
                return false;
            }
            (Ok(Ok(None)), Some(_)) => KeyError::Missing.to_string(),
            (Ok(Err(error)), _) => error.chain(),
            (Err(error), _) => error.to_string(),
        };
        refuse_keys(&error)
    }

    /// Has another certificate be used, if there is any to read; returns whether nothing is wrong.
    async fn certificate(&self) -> bool {
        let Some(tls) = &self.tls else { return true };
        let read = timeout(READ_MAX, tls.now()).await;
        let read = read.unwrap_or_else(|_| Err(too_slow()));
        match &read {
            Ok(()) => tracing::info!("the certificate was read anew"),
            Err(error) => {
                tracing::error!(
                    error,
                    "the certificate cannot be read anew; the old one stays in use"
                );
            }
        }
        read.is_ok()
    }
}

fn refuse_keys(error: &str) -> bool {
    tracing::error!(
        error,
        "the keys cannot be read anew; the old ones stay in force"
    );
    false
}

fn too_slow() -> String {
    format!("that takes longer than {} seconds", READ_MAX.as_secs())
}
