//! The response body of a git request, whose client may disconnect.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::process::GitProcess;
use crate::http::error::Result;
use crate::http::listener::ShutdownGuard;

/// A git process whose client waits for its output. Dropping this value ends the process, unless the process may be updating refs for a
/// push: then the process continues, and a shutdown of the server waits for it.
pub(super) struct GitResponse {
    process: Option<GitProcess>,
    guard: Option<ShutdownGuard>,
}

impl GitResponse {
    /// Wraps a process. If the process continues without its client, `guard` delays a shutdown until the process has ended.
    pub fn new(process: GitProcess, guard: Option<ShutdownGuard>) -> Self {
        let process = Some(process);
        Self { process, guard }
    }

    /// Returns the next chunk of output, like [`GitProcess::next`].
    ///
    /// # Errors
    /// As for [`GitProcess::next`].
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        match &mut self.process {
            Some(process) => process.next().await,
            None => Ok(None),
        }
    }

    /// Returns the response body, which begins with `first`. If git fails, the body ends with an error, so that the client notices that it
    /// is incomplete. If the client does not read the next chunk within `read_timeout`, the git process is ended, and the body also ends
    /// with an error.
    pub fn into_body(self, first: Bytes, read_timeout: Duration) -> Body {
        // A separate task enforces the timeout, because hyper requests the next chunk only when the client has read the previous ones.
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.send_all(first, sender, read_timeout));
        let chunks = stream::unfold(Some(receiver), |receiver| async move {
            let mut receiver = receiver?;
            match receiver.recv().await {
                Some(Some(chunk)) => Some((Ok(chunk), Some(receiver))),
                Some(None) => None,
                None => Some((Err(io::Error::other("git failed")), None)),
            }
        });
        Body::from_stream(chunks)
    }

    /// Sends all output of git to the response body, and then `None` if git has succeeded.
    async fn send_all(
        mut self,
        first: Bytes,
        sender: mpsc::Sender<Option<Bytes>>,
        read_timeout: Duration,
    ) {
        let mut chunk = first;
        loop {
            match timeout(read_timeout, sender.send(Some(chunk))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => {
                    let limit_s = read_timeout.as_secs();
                    tracing::info!(limit_s, "the client reads the response of git too slowly");
                    return;
                }
            }
            let next = tokio::select! {
                biased;
                () = sender.closed() => return,
                next = self.next() => next,
            };
            match next {
                Ok(Some(next)) => chunk = next,
                Ok(None) => break,
                Err(_) => return,
            }
        }
        // git has ended. Its permit is released now, so that another request can start git while this client still reads.
        drop(self);
        let _ = sender.send(None).await;
    }
}

impl Drop for GitResponse {
    fn drop(&mut self) {
        let process = self.process.take().filter(GitProcess::may_update_refs);
        if let (Some(process), Ok(runtime)) = (process, Handle::try_current()) {
            match self.guard.take() {
                Some(guard) => drop(runtime.spawn(guard.run(process.run_detached()))),
                None => drop(runtime.spawn(process.run_detached())),
            }
        }
    }
}
