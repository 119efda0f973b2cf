//! The limit on concurrent git processes. Fetches and pushes have separate permits, so that clients that receive a clone slowly do not
//! block pushes. The requests with one API key may hold only half of the permits for fetches, and half of the permits for pushes, so that
//! one client does not block the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::blocking::acquire;
use crate::http::error::Result;
use crate::http::metrics::{GIT_SERVICES, GaugeGuard};
use crate::http::middleware::auth::KeyTag;
use crate::remote::GitService;

/// Limits how many git processes a server runs at the same time: each process needs a permit.
pub(in crate::http) struct GitPermits {
    fetches: ServicePermits,
    pushes: ServicePermits,
}

/// The permits for one git service: fetches or pushes.
struct ServicePermits {
    all: Arc<Semaphore>,
    /// How many of these permits the requests with one API key may hold at a time.
    per_key: usize,
    /// For each API key whose requests hold or wait for a permit, a semaphore with `per_key` permits.
    of_key: Mutex<HashMap<KeyTag, Weak<Semaphore>>>,
}

/// A permit to run one git process. A metric counts the permits that are held.
pub(in crate::http) struct GitPermit {
    _permit: OwnedSemaphorePermit,
    _key_permit: Option<KeyPermit>,
    _counted: GaugeGuard,
}

/// A permit from the semaphore of the request's API key. The semaphore limits how many git processes serve requests with that key.
struct KeyPermit {
    _permit: OwnedSemaphorePermit,
    /// Keeps the semaphore alive, to which the map `of_key` of the service has only a weak reference.
    _of_key: Arc<Semaphore>,
}

impl GitPermits {
    /// Creates `count` permits for fetches and as many for pushes.
    pub fn new(count: usize) -> Self {
        Self {
            fetches: ServicePermits::new(count),
            pushes: ServicePermits::new(count),
        }
    }

    /// Acquires a permit for a service. If the client has sent an API key, also acquires a permit from the semaphore of that key.
    ///
    /// # Errors
    /// 503 if a permit is not released within `wait`.
    pub async fn acquire(
        &self,
        service: GitService,
        key: Option<KeyTag>,
        wait: Duration,
    ) -> Result<GitPermit> {
        let permits = match service {
            GitService::UploadPack => &self.fetches,
            GitService::ReceivePack => &self.pushes,
        };
        let key_permit = match key {
            Some(key) => Some(permits.acquire_of_key(key, wait).await?),
            None => None,
        };
        Ok(GitPermit {
            _permit: acquire(&permits.all, wait).await?,
            _key_permit: key_permit,
            _counted: GaugeGuard::increment(GIT_SERVICES),
        })
    }
}

impl ServicePermits {
    fn new(count: usize) -> Self {
        let count = count.min(Semaphore::MAX_PERMITS);
        Self {
            all: Arc::new(Semaphore::new(count)),
            per_key: count.div_ceil(2),
            of_key: Mutex::default(),
        }
    }

    async fn acquire_of_key(&self, key: KeyTag, wait: Duration) -> Result<KeyPermit> {
        let of_key = self.of_key(key);
        Ok(KeyPermit {
            _permit: acquire(&of_key, wait).await?,
            _of_key: of_key,
        })
    }

    fn of_key(&self, key: KeyTag) -> Arc<Semaphore> {
        let mut all = self.of_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(existing) = all.get(&key).and_then(Weak::upgrade) {
            return existing;
        }
        // Removes the entries of API keys that are not in use. Otherwise the map would grow each time the operator replaces the keys.
        all.retain(|_, of_key| of_key.strong_count() > 0);
        let new = Arc::new(Semaphore::new(self.per_key));
        all.insert(key, Arc::downgrade(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use GitService::{ReceivePack, UploadPack};

    const WAIT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn services_and_keys_have_permits_of_their_own() {
        let permits = GitPermits::new(4);
        let [ann, bob] = [Some(KeyTag(1)), Some(KeyTag(2))];
        let acquire = |service, key| permits.acquire(service, key, WAIT);
        let held = [
            acquire(UploadPack, ann).await,
            acquire(UploadPack, ann).await,
        ];
        assert!(held.iter().all(Result::is_ok));
        assert!(acquire(UploadPack, ann).await.is_err());
        let other = [
            acquire(UploadPack, bob).await,
            acquire(UploadPack, None).await,
        ];
        assert!(other.iter().all(Result::is_ok));
        assert!(acquire(UploadPack, None).await.is_err());
        assert!(acquire(ReceivePack, ann).await.is_ok());
        drop(held);
        assert!(acquire(UploadPack, ann).await.is_ok());
        assert_eq!(permits.fetches.of_key.lock().unwrap().len(), 2);
        drop(other);
        assert!(acquire(UploadPack, Some(KeyTag(3))).await.is_ok());
        assert_eq!(permits.fetches.of_key.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn without_keys_all_permits_can_be_used() {
        let permits = GitPermits::new(2);
        let held = [
            permits.acquire(ReceivePack, None, WAIT).await,
            permits.acquire(ReceivePack, None, WAIT).await,
        ];
        assert!(held.iter().all(Result::is_ok));
        let single = GitPermits::new(1);
        assert!(
            single
                .acquire(UploadPack, Some(KeyTag(1)), WAIT)
                .await
                .is_ok()
        );
    }
}
