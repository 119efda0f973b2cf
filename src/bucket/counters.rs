//! Counts the requests to the object store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::request_failure::RequestFailure;
use crate::repo::{AuthorityCounters, RequestCount};

/// The kinds of requests to an object store. Each kind is counted separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// Reads the manifest, unless it is unchanged.
    GetManifest,
    /// Writes the manifest, if it still has the expected ETag.
    PutManifest,
    /// Uploads a pack, an index or a snapshot of refs.
    PutPack,
    /// Downloads a pack, an index or a snapshot of refs.
    GetPack,
    /// Lists keys.
    List,
    /// Deletes an object.
    Delete,
    /// Any request of a probe, which checks whether conditional writes are atomic.
    Probe,
}

impl RequestKind {
    /// All kinds of requests to a bucket.
    pub const ALL: [Self; 7] = [
        Self::GetManifest,
        Self::PutManifest,
        Self::PutPack,
        Self::GetPack,
        Self::List,
        Self::Delete,
        Self::Probe,
    ];

    /// Returns the name of this kind in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GetManifest => "get_manifest",
            Self::PutManifest => "put_manifest",
            Self::PutPack => "put_pack",
            Self::GetPack => "get_pack",
            Self::List => "list",
            Self::Delete => "delete",
            Self::Probe => "probe",
        }
    }
}

/// The counters of a client, which concurrent requests update.
#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: [AtomicU64; RequestKind::ALL.len()],
    errors: [AtomicU64; RequestKind::ALL.len()],
    nanos: [AtomicU64; RequestKind::ALL.len()],
    pub(super) uploaded_bytes: AtomicU64,
    pub(super) downloaded_bytes: AtomicU64,
    pub(super) swaps: AtomicU64,
    pub(super) conflicts: AtomicU64,
    pub(super) unconfirmed: AtomicU64,
    last_error: Mutex<Option<(String, SystemTime)>>,
    last_success: Mutex<Option<SystemTime>>,
}

impl Counters {
    /// Counts a request and its result.
    pub(super) fn record<T>(
        &self,
        kind: RequestKind,
        duration: Duration,
        result: &Result<T, RequestFailure>,
    ) {
        let index = kind as usize;
        self.requests[index].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.nanos[index].fetch_add(nanos, Ordering::Relaxed);
        let now = SystemTime::now();
        match result {
            Ok(_) | Err(RequestFailure::NotFound | RequestFailure::Condition(_)) => {
                *self
                    .last_success
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = Some(now);
            }
            Err(RequestFailure::Rejected(reason) | RequestFailure::Unknown(reason)) => {
                self.errors[index].fetch_add(1, Ordering::Relaxed);
                let error = Some((reason.clone(), now));
                *self
                    .last_error
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = error;
            }
        }
    }

    /// Returns the current values.
    pub(super) fn read(&self) -> AuthorityCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let count = |kind: RequestKind| {
            let index = kind as usize;
            let count = RequestCount {
                requests: get(&self.requests[index]),
                errors: get(&self.errors[index]),
                duration: Duration::from_nanos(get(&self.nanos[index])),
            };
            (kind.as_str(), count)
        };
        AuthorityCounters {
            requests: RequestKind::ALL.into_iter().map(count).collect(),
            uploaded_bytes: get(&self.uploaded_bytes),
            downloaded_bytes: get(&self.downloaded_bytes),
            swaps: get(&self.swaps),
            conflicts: get(&self.conflicts),
            unconfirmed: get(&self.unconfirmed),
            last_error: self
                .last_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            last_success: *self
                .last_success
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        }
    }
}
