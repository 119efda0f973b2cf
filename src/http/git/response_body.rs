//! A git and the client that it serves, who may leave.

use std::io;

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use tokio::runtime::Handle;

use super::process::Running;
use crate::http::error::Result;
use crate::http::listener::ShutdownGuard;

/// A git whose words somebody waits for. Dropping it ends the git, unless that is making a change: it goes on then, and the server
/// does not stop under it.
pub(super) struct Served {
    running: Option<Running>,
    hold: Option<ShutdownGuard>,
}

impl Served {
    /// `hold` is what keeps the server from stopping.
    pub fn new(running: Running, hold: Option<ShutdownGuard>) -> Self {
        let running = Some(running);
        Self { running, hold }
    }

    /// What git says next, as of [`Running::next`].
    ///
    /// # Errors
    /// As there.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        match &mut self.running {
            Some(running) => running.next().await,
            None => Ok(None),
        }
    }

    /// The answer's body. It breaks off when git does.
    pub fn into_body(self, first: Bytes) -> Body {
        let rest = stream::try_unfold(self, |mut served| async move {
            let piece = served.next().await;
            let piece = piece.map_err(|_| io::Error::other("git broke off"))?;
            Ok::<_, io::Error>(piece.map(|piece| (piece, served)))
        });
        let first = stream::once(async move { Ok(first) });
        Body::from_stream(first.chain(rest))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let running = self.running.take().filter(Running::is_changing);
        if let (Some(running), Ok(runtime)) = (running, Handle::try_current()) {
            match self.hold.take() {
                Some(hold) => drop(runtime.spawn(hold.run(running.run_on()))),
                None => drop(runtime.spawn(running.run_on())),
            }
        }
    }
}
