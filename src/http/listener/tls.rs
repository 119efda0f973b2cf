//! TLS: a key, its certificate, and fresh ones when their files change.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

pub use super::key_pair::Error;
use super::key_pair::{Files, Pair};

/// How often the files are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// A private key and its certificate, and the files that they come from.
pub struct Tls {
    files: Files,
    pair: Pair,
    config: Arc<ServerConfig>,
    demands: (mpsc::Sender<Demand>, mpsc::Receiver<Demand>),
}

/// Has the files of a [`Tls`] read at once.
#[derive(Clone, Debug)]
pub struct TlsReload(mpsc::Sender<Demand>);

/// That the files are read at once; what came of it goes there.
type Demand = oneshot::Sender<Result<(), String>>;

/// The present key and certificate.
pub(in crate::http) struct Certificate {
    config: watch::Receiver<Arc<ServerConfig>>,
}

impl Tls {
    /// Loads a private key and the chain of its certificate, both in PEM.
    ///
    /// # Errors
    ///
    /// If one of them is missing or unusable, or if the key is not that of the certificate.
    pub fn load(key_file: &Path, certificate_file: &Path) -> Result<Self, Error> {
        let files = Files::new(key_file, certificate_file);
        let pair = files.read()?;
        let config = files.config(&pair)?;
        Ok(Self {
            files,
            pair,
            config,
            demands: mpsc::channel(1),
        })
    }

    /// What has the files read at once, while they are followed.
    pub fn reload(&self) -> TlsReload {
        TlsReload(self.demands.0.clone())
    }

    /// Follows the files until `stop` is cancelled.
    pub(in crate::http) fn keep_fresh(self, stop: CancellationToken) -> Certificate {
        let (sender, config) = watch::channel(self.config);
        let reload = Reload {
            files: self.files,
            seen: Ok(self.pair),
            config: sender,
        };
        // The other end may be gone, as nobody need ask.
        let (held, demands) = self.demands;
        let run = async move {
            let _held = held;
            reload.run(demands).await;
        };
        tokio::spawn(stop.run_until_cancelled_owned(run));
        Certificate { config }
    }
}

impl TlsReload {
    /// Reads the files, and puts what is in them to use for the next connections.
    ///
    /// # Errors
    /// Why they cannot be used: what was in use stays so.
    pub async fn now(&self) -> Result<(), String> {
        let gone = || "the certificate is not followed any more".to_owned();
        let (outcome, told) = oneshot::channel();
        self.0.send(outcome).await.map_err(|_| gone())?;
        told.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Certificate {
    /// What encrypts the next connection. Later changes of the files do not touch it.
    pub(in crate::http) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config.borrow()))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys stay out of logs.
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// Follows the files. What is in them is compared, not their dates: a date can stand still while a file changes.
struct Reload {
    files: Files,
    /// What was in them at the last look, or why that could not be told.
    seen: Result<Pair, String>,
    config: watch::Sender<Arc<ServerConfig>>,
}

impl Reload {
    async fn run(mut self, mut demands: mpsc::Receiver<Demand>) {
        loop {
            let demand = tokio::time::timeout(RELOAD_INTERVAL, demands.recv()).await;
            let look = move || {
                match demand.ok().flatten() {
                    // Nobody waits for it any more if it cannot be told.
                    Some(demand) => drop(demand.send(self.load())),
                    None => self.look(),
                }
                self
            };
            match tokio::task::spawn_blocking(look).await {
                Ok(reload) => self = reload,
                Err(error) => {
                    return tracing::error!(%error, "the certificate is not followed any more");
                }
            }
        }
    }

    /// Puts what is in the files to use, whatever was there before.
    fn load(&mut self) -> Result<(), String> {
        let pair = self.files.read().map_err(|error| one_line(&error));
        self.seen = pair.clone();
        let config = self.files.config(&pair?);
        self.config
            .send_replace(config.map_err(|error| one_line(&error))?);
        Ok(())
    }

    /// Puts a changed pair to use. One that is broken, or half written, changes nothing, and is reported once.
    fn look(&mut self) {
        let found = self.files.read();
        let result = match found {
            Ok(pair) if self.seen.as_ref() == Ok(&pair) => return,
            Ok(pair) => {
                let config = self.files.config(&pair);
                self.seen = Ok(pair);
                config
            }
            Err(error) => {
                let text = one_line(&error);
                if self.seen.as_ref() == Err(&text) {
                    return;
                }
                self.seen = Err(text);
                Err(error)
            }
        };
        match result {
            Ok(config) => {
                self.config.send_replace(config);
                tracing::info!("the certificate was loaded anew");
            }
            Err(error) => {
                tracing::warn!(
                    error = one_line(&error),
                    "the certificate changed; the old one stays in use"
                );
            }
        }
    }
}

/// An error and its cause.
fn one_line(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
