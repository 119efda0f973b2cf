//! Waits until this server's copy of the store has a certain generation (version number of the shared store), or the newest state of the
//! bucket.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::http::error::{Failure, Result};
use crate::http::peers::BucketServers;
use crate::http::state::App;

/// How long a request waits until the server has read the current state of the bucket.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

impl App {
    /// Returns the generation (version number) of this server's copy of the store. Sends no request to the bucket.
    pub(in crate::http) fn generation(&self) -> u64 {
        self.run_inline(|store| match store.shared_state() {
            Some(state) => state.generation,
            None => store.generation(),
        })
    }

    /// Updates the copy to the state that the bucket has now. Requests that wait at the same time share one check of the bucket.
    ///
    /// # Errors
    /// 503 if the bucket cannot be reached or does not respond in time; 500 if the copy cannot be updated.
    pub(in crate::http) async fn check_bucket(&self, bucket: &BucketServers) -> Result<()> {
        let (app, checks) = (self.clone(), Arc::clone(&bucket.checks));
        // The check continues if this request stops waiting, so that the next request does not have to begin again. The check holds no
        // permit for reads, so that it does not delay reads that do not need the bucket.
        let check = tokio::spawn(async move {
            let follow = async {
                let followed = spawn_blocking(move || app.store.follow()).await;
                let followed = followed.map_err(|_| unavailable("the check of the bucket failed"));
                Ok(followed??)
            };
            checks.run(follow).await
        });
        match timeout(CHECK_TIMEOUT, check).await {
            Ok(Err(_)) => Err(unavailable("the check of the bucket failed")),
            Ok(Ok(checked)) => checked,
            Err(_) => Err(unavailable("the bucket does not respond; try again")),
        }
    }

    /// Waits until this server's copy of the store has at least this generation (version number).
    ///
    /// # Errors
    /// 503 if the copy does not reach the generation in time; the errors of [`check_bucket`](Self::check_bucket).
    pub(in crate::http) async fn await_generation(
        &self,
        bucket: &BucketServers,
        generation: u64,
        limit: Duration,
    ) -> Result<()> {
        let wait = async {
            if self.generation() < generation {
                self.check_bucket(bucket).await?;
            }
            // The copy was just updated from the bucket. If it is still too old, the bucket itself does not have this generation.
            if self.generation() < generation {
                let detail = format!("the bucket has no generation {generation} yet; try again");
                return Err(unavailable(detail));
            }
            Ok(())
        };
        match timeout(limit, wait).await {
            Ok(waited) => waited,
            Err(_) => Err(unavailable(format!(
                "this server does not have generation {generation} yet; try again"
            ))),
        }
    }
}

/// Returns a 503 response with the error text `detail`.
pub(super) fn unavailable(detail: impl Into<String>) -> Failure {
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail)
}
