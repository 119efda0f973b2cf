//! Reads the manifest: concurrent readers share one request.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::client::FoundManifest;
use super::handle::Bucket;
use super::manifest::Manifest;
use super::request_failure::RequestFailure;
use super::snapshot::{self, SNAPSHOT_BYTES_MAX};
use super::state::KnownManifest;

/// The number of attempts to read the manifest. It is read again if the snapshot of refs that it names was deleted in the meantime, or if
/// it is older than a manifest that this process knows.
const ATTEMPTS: u32 = 5;

/// The pause before the manifest is read again.
const PAUSE: Duration = Duration::from_millis(50);

/// Why the manifest, which has the state of the store, could not be read from the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReadFailure {
    /// The request failed.
    Unreachable(String),
    /// There is no manifest.
    Absent,
    /// The manifest, or the snapshot of refs that it names, is invalid.
    Invalid(String),
}

impl ReadFailure {
    /// Returns why the manifest could not be read.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Unreachable(reason) | Self::Invalid(reason) => reason,
            Self::Absent => "the bucket has no manifest",
        }
    }
}

/// Coordinates the requests for the manifest, so that concurrent readers share one.
#[derive(Debug, Default)]
pub(super) struct Reads {
    progress: Mutex<Progress>,
    finished: Condvar,
}

#[derive(Debug, Default)]
struct Progress {
    /// The number of requests that were started; at most one of them runs.
    started: u64,
    finished: u64,
    last: Option<Result<Arc<KnownManifest>, ReadFailure>>,
}

impl Reads {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the result of a request that was started after this call, because one that already runs may have read an older state.
    /// Callers that wait at the same time share the request.
    fn share(
        &self,
        read: impl FnOnce() -> Result<Arc<KnownManifest>, ReadFailure>,
    ) -> Result<Arc<KnownManifest>, ReadFailure> {
        let mut progress = self.lock();
        let needed = progress.started + 1;
        while progress.finished < progress.started && progress.finished < needed {
            progress = self
                .finished
                .wait(progress)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if let (true, Some(result)) = (progress.finished >= needed, &progress.last) {
            return result.clone();
        }
        progress.started += 1;
        drop(progress);
        let mut running = RunningRead {
            reads: self,
            result: Err(ReadFailure::Unreachable(
                "the request was interrupted".to_owned(),
            )),
        };
        running.result = read();
        running.result.clone()
    }
}

/// A request in progress. Dropping it passes its result to the waiting callers, even if the request panicked, so that no caller waits
/// forever.
struct RunningRead<'a> {
    reads: &'a Reads,
    result: Result<Arc<KnownManifest>, ReadFailure>,
}

impl Drop for RunningRead<'_> {
    fn drop(&mut self) {
        let mut progress = self.reads.lock();
        progress.finished = progress.started;
        progress.last = Some(self.result.clone());
        self.reads.finished.notify_all();
    }
}

impl Bucket {
    /// Reads the manifest and returns the current state.
    pub(super) fn read(&self) -> Result<Arc<KnownManifest>, ReadFailure> {
        self.reads.share(|| self.read_unshared())
    }

    fn read_unshared(&self) -> Result<Arc<KnownManifest>, ReadFailure> {
        let mut failure = None;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                std::thread::sleep(PAUSE);
            }
            match self.try_read()? {
                Ok(known) => return Ok(self.publish(known)),
                Err(reason) => failure = Some(reason),
            }
        }
        Err(ReadFailure::Invalid(failure.unwrap_or_default()))
    }

    /// Reads the manifest once. Returns `Ok(Err(reason))` if it must be read again.
    fn try_read(&self) -> Result<Result<Arc<KnownManifest>, String>, ReadFailure> {
        let prior = self.known();
        let found = self
            .client
            .get_manifest(prior.as_ref().map(|prior| &prior.version));
        let (text, version) = match (found, &prior) {
            (Ok(FoundManifest::Unchanged), Some(prior)) => return Ok(Ok(prior.clone())),
            (Ok(FoundManifest::Unchanged), None) => {
                return Ok(Err("an unknown manifest is unchanged".to_owned()));
            }
            (Ok(FoundManifest::Changed(text, version)), _) => (text, version),
            (Err(RequestFailure::NotFound), None) => return Err(ReadFailure::Absent),
            (Err(RequestFailure::NotFound), Some(_)) => {
                return Err(ReadFailure::Invalid("the manifest was deleted".to_owned()));
            }
            (Err(failure), _) => return Err(ReadFailure::Unreachable(failure.reason().to_owned())),
        };
        let manifest =
            Manifest::parse(&text).map_err(|error| ReadFailure::Invalid(error.to_string()))?;
        if let Some(prior) = &prior {
            let (old, new) = (&prior.manifest, &manifest);
            if old.store != new.store {
                return Err(ReadFailure::Invalid(format!(
                    "the bucket now has store {}, and it had store {}",
                    new.store, old.store
                )));
            }
            if new.generation < old.generation {
                return Ok(Err(format!(
                    "the manifest went back from generation {} to {}",
                    old.generation, new.generation
                )));
            }
        }
        let Some(key) = &manifest.snapshot else {
            return Ok(Ok(Arc::new(KnownManifest::new(
                manifest,
                version,
                Arc::default(),
            ))));
        };
        let base = match prior.filter(|prior| prior.manifest.snapshot.as_ref() == Some(key)) {
            Some(prior) => prior.state.refs.base.clone(),
            None => match self.client.get_bytes(key, SNAPSHOT_BYTES_MAX) {
                Ok(text) => Arc::new(snapshot::parse(key, &text).map_err(ReadFailure::Invalid)?),
                // Another process may have replaced the manifest since it was read, and then deleted the old snapshot.
                Err(RequestFailure::NotFound) => {
                    return Ok(Err(format!("{key} is missing, which the manifest names")));
                }
                Err(failure) => return Err(ReadFailure::Unreachable(failure.reason().to_owned())),
            },
        };
        Ok(Ok(Arc::new(KnownManifest::new(manifest, version, base))))
    }

    /// Records `read` as the newest state that this process knows, unless it already knows a newer one. Returns the newer of the two.
    pub(super) fn publish(&self, read: Arc<KnownManifest>) -> Arc<KnownManifest> {
        let mut known = self.lock_known();
        match &*known {
            Some(newer) if newer.state.generation > read.state.generation => newer.clone(),
            _ => {
                *known = Some(read.clone());
                read
            }
        }
    }
}

#[cfg(test)]
mod tests;
