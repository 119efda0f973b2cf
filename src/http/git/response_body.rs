//! The response of a git process, for a client that may disconnect.

use std::io;

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use tokio::runtime::Handle;

use super::process::GitProcess;
use crate::http::error::Result;
use crate::http::listener::ShutdownGuard;

/// The output of a git process while the client waits for it. Dropping this value ends the process, unless the process may be
/// updating refs for a push: then it runs on, and the server does not shut down before it ends.
pub(super) struct GitResponse {
    process: Option<GitProcess>,
    guard: Option<ShutdownGuard>,
}

impl GitResponse {
    /// Takes over a process. `guard` delays a shutdown for a push.
    pub fn new(process: GitProcess, guard: Option<ShutdownGuard>) -> Self {
        let process = Some(process);
        Self { process, guard }
    }

    /// Returns the next output, as [`GitProcess::next`] does.
    ///
    /// # Errors
    /// As for [`GitProcess::next`].
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        match &mut self.process {
            Some(process) => process.next().await,
            None => Ok(None),
        }
    }

    /// Returns the response's body, which begins with `first`. If git fails, the body is cut off, so that the client does not take
    /// it for complete.
    pub fn into_body(self, first: Bytes) -> Body {
        let rest = stream::try_unfold(self, |mut response| async move {
            let next = response.next().await;
            let chunk = next.map_err(|_| io::Error::other("git failed"))?;
            Ok::<_, io::Error>(chunk.map(|chunk| (chunk, response)))
        });
        let first_chunk = stream::once(async move { Ok(first) });
        Body::from_stream(first_chunk.chain(rest))
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
