//! SIGHUP: a running server reads its keys and its certificate again.
//!
//! If reading fails, the old API keys or the old certificate stay in use. If the new list of keys is empty, the old keys stay in use too,
//! because a server without keys accepts requests from everyone.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::timeout;

use super::exit::Result;
use super::sd_notify::ServiceManager;
use crate::http::{KeyError, Keyring, Keys, TlsReload};

/// The time limit for reading the keys or the certificate. A file may be on a disk that no longer responds, and the next SIGHUP has to
/// work nevertheless.
const READ_MAX: Duration = Duration::from_secs(30);

/// A function that reads the API keys from the settings and the key file. It returns `None` if there are no keys.
pub(super) type ReadKeys = Arc<dyn Fn() -> Result<Option<Keys>> + Send + Sync>;

/// The parts of a running server that SIGHUP reloads.
pub(super) struct Reload {
    pub read_keys: ReadKeys,
    /// The API keys in use; `None` if the server has none, and so accepts requests from everyone.
    pub keyring: Option<Keyring>,
    pub tls: Option<TlsReload>,
    pub service_manager: ServiceManager,
    /// The text that the service manager shows as the server's status.
    pub status: String,
}

impl Reload {
    /// Reloads the keys and the certificate at each SIGHUP.
    pub async fn run(self, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            self.service_manager.notify_reloading();
            // The certificate is reloaded even if the keys cannot be reloaded.
            let (has_keys, has_tls) = (self.reload_keys().await, self.reload_certificate().await);
            if has_keys && self.keyring.is_none() && self.tls.is_none() {
                tracing::info!("there are neither keys nor a certificate to reload");
            }
            if has_keys && has_tls {
                self.service_manager.notify_ready(&self.status);
            } else {
                let status = format!("{}; the reload failed, see the log", self.status);
                self.service_manager.notify_ready(&status);
            }
        }
    }

    /// Replaces the keys. Returns true if that succeeded, or if the server had no keys and the settings contain none.
    async fn reload_keys(&self) -> bool {
        let read_keys = Arc::clone(&self.read_keys);
        let reading = tokio::task::spawn_blocking(move || read_keys());
        let Ok(read) = timeout(READ_MAX, reading).await else {
            return log_key_failure(&timed_out());
        };
        let error = match (read, &self.keyring) {
            (Ok(Ok(None)), None) => return true,
            (Ok(Ok(Some(keys))), Some(keyring)) => {
                let count = keys.len();
                keyring.replace(keys);
                tracing::info!(count, "reloaded the keys");
                return true;
            }
            (Ok(Ok(Some(_))), None) => {
                tracing::error!(
                    "keys are configured now, but the server accepts requests without a key until it is restarted"
                );
                return false;
            }
            (Ok(Ok(None)), Some(_)) => KeyError::Missing.to_string(),
            (Ok(Err(error)), _) => error.chain(),
            (Err(error), _) => error.to_string(),
        };
        log_key_failure(&error)
    }

    /// Replaces the certificate. Returns true if that succeeded, or if the server has no certificate.
    async fn reload_certificate(&self) -> bool {
        let Some(tls) = &self.tls else { return true };
        let read = timeout(READ_MAX, tls.now()).await;
        let read = read.unwrap_or_else(|_| Err(timed_out()));
        match &read {
            Ok(()) => tracing::info!("reloaded the certificate"),
            Err(error) => {
                tracing::error!(
                    error,
                    "cannot reload the certificate; the old certificate stays in use"
                );
            }
        }
        read.is_ok()
    }
}

fn log_key_failure(error: &str) -> bool {
    tracing::error!(error, "cannot reload the keys; the old keys stay in use");
    false
}

fn timed_out() -> String {
    format!("timed out after {} seconds", READ_MAX.as_secs())
}
