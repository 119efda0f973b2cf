//! Runs checks of the bucket for requests that need the newest state.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::http::error::Result;

/// Runs checks of the bucket. A check reads the current state of the bucket and updates the local copy. All requests that wait at the same
/// time share one check, which begins after the last of these requests has arrived.
pub(in crate::http) struct FollowQueue {
    started: AtomicU64,
    /// The number and the result of the check that ended last. The mutex is locked while the next check runs.
    last: Mutex<Check>,
}

struct Check {
    number: u64,
    result: Result<()>,
}

impl Default for FollowQueue {
    fn default() -> Self {
        let none = Check {
            number: 0,
            result: Ok(()),
        };
        Self {
            started: AtomicU64::new(0),
            last: Mutex::new(none),
        }
    }
}

impl FollowQueue {
    /// Returns the result of a check that begins after this call. If another request runs such a check, waits for its result; otherwise
    /// runs `check`.
    ///
    /// # Errors
    /// The error of the check.
    pub async fn run(&self, check: impl Future<Output = Result<()>>) -> Result<()> {
        let needed = self.started.load(Ordering::SeqCst) + 1;
        let mut last = self.last.lock().await;
        if last.number >= needed {
            return last.result.clone();
        }
        let number = self.started.fetch_add(1, Ordering::SeqCst) + 1;
        let result = check.await;
        *last = Check {
            number,
            result: result.clone(),
        };
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use axum::http::StatusCode;
    use tokio::sync::Notify;

    use super::*;
    use crate::http::error::Failure;

    #[tokio::test]
    async fn requests_that_wait_share_one_check() {
        let queue = Arc::new(FollowQueue::default());
        let (checks, release) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let start = || {
            let (queue, checks, release) = (queue.clone(), checks.clone(), release.clone());
            tokio::spawn(async move {
                let check = async {
                    let number = checks.fetch_add(1, Ordering::SeqCst);
                    release.notified().await;
                    match number {
                        0 => Ok(()),
                        _ => Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "second")),
                    }
                };
                queue.run(check).await
            })
        };
        let first = start();
        while checks.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = (0..50).map(|_| start()).collect();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        release.notify_one();
        assert_eq!(first.await.unwrap(), Ok(()));
        release.notify_one();
        for other in others {
            assert!(
                other.await.unwrap().is_err(),
                "the first check began before the request"
            );
        }
        assert_eq!(checks.load(Ordering::SeqCst), 2);
    }
}
