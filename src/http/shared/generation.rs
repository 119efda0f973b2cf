//! Waiting until the copy of this server has a generation, or the state at this moment.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::{sleep, timeout};

use crate::http::error::{Failure, Result};
use crate::http::peers::BucketServers;
use crate::http::state::App;

/// The pause between two checks of a bucket that does not have the generation yet.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a request waits for a check of the bucket.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

impl App {
    /// Returns the generation of the copy, without a request to the bucket.
    pub(in crate::http) fn generation(&self) -> u64 {
        self.run_inline(|store| match store.shared_state() {
            Some(state) => state.generation,
            None => store.generation(),
        })
    }

    /// Makes the copy equal to the state in the bucket at this moment. Requests that wait at the same time share a check.
    ///
    /// # Errors
    /// 503 if the bucket cannot be reached or does not respond in time; 500 if the copy cannot be made equal.
    pub(in crate::http) async fn check_bucket(&self, bucket: &BucketServers) -> Result<()> {
        let app = self.clone();
        let check = async move { app.run_read(|store| Ok(store.follow()?)).await };
        match timeout(CHECK_TIMEOUT, bucket.checks.run(check)).await {
            Ok(checked) => checked,
            Err(_) => Err(unavailable("the bucket does not respond; try again")),
        }
    }

    /// Waits until the copy has the generation.
    ///
    /// # Errors
    /// 503 if it does not have it in time; those of [`check_bucket`](Self::check_bucket).
    pub(in crate::http) async fn await_generation(
        &self,
        bucket: &BucketServers,
        generation: u64,
        limit: Duration,
    ) -> Result<()> {
        let wait = async {
            while self.generation() < generation {
                self.check_bucket(bucket).await?;
                if self.generation() < generation {
                    sleep(PAUSE).await;
                }
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

/// Creates a 503.
pub(super) fn unavailable(detail: impl Into<String>) -> Failure {
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail)
}
