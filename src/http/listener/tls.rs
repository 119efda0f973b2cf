//! TLS: the certificate that encrypts new connections, reloaded when its files change.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::key_pair::{KeyPair, KeyPairFiles, TlsError};

/// How often the key file and the certificate file are checked for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A private key and its certificate, together with the paths of their files.
pub struct Tls {
    files: KeyPairFiles,
    key_pair: KeyPair,
    config: Arc<ServerConfig>,
    requests: (mpsc::Sender<ReloadRequest>, mpsc::Receiver<ReloadRequest>),
}

/// A handle with which the certificate of a [`Tls`] can be reloaded at any time.
#[derive(Clone, Debug)]
pub struct TlsReload(mpsc::Sender<ReloadRequest>);

/// A request to reload the key file and the certificate file now. The task that watches the files sends the result through this channel.
type ReloadRequest = oneshot::Sender<Result<(), String>>;

/// The certificate in use. A reload replaces it.
pub(super) struct Certificate {
    config: watch::Receiver<Arc<ServerConfig>>,
}

impl Tls {
    /// Loads a private key and its certificate chain, both in PEM.
    ///
    /// # Errors
    ///
    /// If a file is missing or unusable, or if the key does not match the certificate.
    pub fn load(key_file: &Path, certificate_file: &Path) -> Result<Self, TlsError> {
        let files = KeyPairFiles::new(key_file, certificate_file);
        let key_pair = files.read()?;
        let config = files.config(&key_pair)?;
        Ok(Self {
            files,
            key_pair,
            config,
            requests: mpsc::channel(1),
        })
    }

    /// Returns a handle with which the files can be reloaded while a server uses them.
    pub fn reload(&self) -> TlsReload {
        TlsReload(self.requests.0.clone())
    }

    /// Watches the files for changes until `stop` is cancelled. Returns the certificate, which is replaced whenever the files change.
    pub(super) fn watch_files(self, stop: CancellationToken) -> Certificate {
        let (sender, config) = watch::channel(self.config);
        let watcher = KeyPairWatcher {
            files: self.files,
            last_read: Ok(self.key_pair),
            config: sender,
        };
        let (request_sender, requests) = self.requests;
        let run = async move {
            // The task holds a sender, because `recv` would return at once instead of waiting if no sender were left.
            let _request_sender = request_sender;
            watcher.run(requests).await;
        };
        tokio::spawn(stop.run_until_cancelled_owned(run));
        Certificate { config }
    }
}

impl TlsReload {
    /// Reloads the key file and the certificate file now, and uses them for new connections.
    ///
    /// # Errors
    /// If the files cannot be used. The certificate in use then stays the same.
    pub async fn now(&self) -> Result<(), String> {
        let stopped = || "the certificate files are not watched any more".to_owned();
        let (result_sender, result) = oneshot::channel();
        self.0.send(result_sender).await.map_err(|_| stopped())?;
        result.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Certificate {
    /// Returns the acceptor for the next connection. The connection keeps its certificate even if the files change later.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config.borrow()))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The private key must not appear in logs.
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// Watches the key file and the certificate file for changes. It compares the contents of the files, because a file can change without a
/// change of its modification time.
struct KeyPairWatcher {
    files: KeyPairFiles,
    /// The contents of the files at the last read, or the error of the last read.
    last_read: Result<KeyPair, String>,
    config: watch::Sender<Arc<ServerConfig>>,
}

impl KeyPairWatcher {
    async fn run(mut self, mut requests: mpsc::Receiver<ReloadRequest>) {
        loop {
            let request = tokio::time::timeout(CHECK_INTERVAL, requests.recv()).await;
            let check = move || {
                match request.ok().flatten() {
                    // Sending fails only if the caller of `now` was dropped.
                    Some(request) => drop(request.send(self.reload())),
                    None => self.reload_if_changed(),
                }
                self
            };
            match tokio::task::spawn_blocking(check).await {
                Ok(watcher) => self = watcher,
                Err(error) => {
                    return tracing::error!(%error, "the certificate files are not watched any more");
                }
            }
        }
    }

    /// Reads the files and uses their contents, whether they have changed or not.
    fn reload(&mut self) -> Result<(), String> {
        let read = self.files.read().map_err(|error| one_line(&error));
        self.last_read = read.clone();
        let config = self
            .files
            .config(&read?)
            .map_err(|error| one_line(&error))?;
        self.config.send_replace(config);
        Ok(())
    }

    /// Reads the files and uses their contents if they have changed. If they are unusable or half written, logs the error once and changes
    /// nothing.
    fn reload_if_changed(&mut self) {
        let config = match self.files.read() {
            Ok(key_pair) if self.last_read.as_ref() == Ok(&key_pair) => return,
            Ok(key_pair) => {
                let config = self.files.config(&key_pair);
                self.last_read = Ok(key_pair);
                config
            }
            Err(error) => {
                let text = one_line(&error);
                if self.last_read.as_ref() == Err(&text) {
                    return;
                }
                self.last_read = Err(text);
                Err(error)
            }
        };
        match config {
            Ok(config) => {
                self.config.send_replace(config);
                tracing::info!("reloaded the certificate");
            }
            Err(error) => {
                tracing::warn!(
                    error = one_line(&error),
                    "the certificate files changed but cannot be used; the old certificate stays in use"
                );
            }
        }
    }
}

/// Returns an error and its source as one line.
fn one_line(error: &TlsError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
