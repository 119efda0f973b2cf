//! Makes a swap: replaces the manifest by compare-and-swap, and finds out whether it was replaced if the response does not say so.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::client::{EtagStyle, is_same};
use super::handle::Bucket;
use super::reads::ReadFailure;
use super::request_failure::RequestFailure;
use super::state::{KnownManifest, NextManifest};
use crate::repo::{Error, Result};

use object_store::UpdateVersion;

/// The first and the longest pause between two attempts to replace the manifest. The pause doubles after each attempt.
const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(1)];

/// What the manifest in the bucket shows about a swap, an attempt to replace it atomically.
enum Verdict {
    /// The manifest contains the id of the swap, so the swap was made.
    Made(Arc<KnownManifest>),
    /// Another swap was made on top of the same state, so this one was not made and never will be.
    Lost,
    /// The manifest is unchanged. A request may still be on its way.
    Undecided,
    /// So many other swaps (replacements of the manifest) were made in the meantime that the manifest may no longer contain the id of this
    /// one.
    Forgotten,
}

/// The attempts to replace the manifest `base` by `next`: a swap in progress.
struct Attempts<'a> {
    bucket: &'a Bucket,
    base: &'a KnownManifest,
    next: &'a NextManifest,
    text: String,
    started: Instant,
    /// Whether a request may have had an effect, or may still have one later.
    is_in_doubt: bool,
    /// Why the last attempt failed.
    reason: String,
}

/// The result of one attempt to replace the manifest.
enum Step {
    Finished(Result<Option<Arc<KnownManifest>>>),
    Retry,
}

impl Bucket {
    /// Replaces the manifest `base` by `next`, whose encoding is `text`. Returns the newest known state if the swap was made, and `None` if
    /// another swap was made first.
    pub(super) fn swap_manifest(
        &self,
        base: &KnownManifest,
        next: &NextManifest,
        text: String,
    ) -> Result<Option<Arc<KnownManifest>>> {
        let mut attempts = Attempts {
            bucket: self,
            base,
            next,
            text,
            started: Instant::now(),
            is_in_doubt: false,
            reason: String::new(),
        };
        let mut pause = PAUSES[0];
        let result = loop {
            match attempts.attempt() {
                Step::Finished(result) => break result,
                Step::Retry => {
                    if let Some(error) = attempts.expired() {
                        break Err(error);
                    }
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(PAUSES[1]);
                }
            }
        };
        let counters = &self.client.counters;
        match &result {
            Ok(Some(_)) => counters.swaps.fetch_add(1, Ordering::Relaxed),
            Ok(None) => counters.conflicts.fetch_add(1, Ordering::Relaxed),
            Err(Error::Unconfirmed { .. }) => counters.unconfirmed.fetch_add(1, Ordering::Relaxed),
            Err(_) => 0,
        };
        result
    }

    /// Reads the manifest to find out whether the swap with the id `batch` was made on top of `base`.
    fn find_batch(&self, base: &KnownManifest, batch: &str) -> Result<Verdict, ReadFailure> {
        let now = self.read()?;
        if now.manifest.contains_batch(batch) {
            return Ok(Verdict::Made(now));
        }
        if is_same(&now.version, &base.version) {
            return Ok(Verdict::Undecided);
        }
        // If the manifest still contains the id of the swap that wrote `base`, it contains the ids of all later swaps, too.
        match now.manifest.contains_batch(&base.manifest.batch) {
            true => Ok(Verdict::Lost),
            false => Ok(Verdict::Forgotten),
        }
    }
}

impl Attempts<'_> {
    /// Sends the manifest once. Every attempt sends the same bytes, so it does not matter which of them has the effect.
    fn attempt(&mut self) -> Step {
        let client = &self.bucket.client;
        let put = client.start_put_manifest(&self.text, Some(&self.base.version));
        let failure = match self.wait(put) {
            Ok(Ok(version)) => return Step::Finished(self.adopt(version)),
            Ok(Err(failure)) => failure,
            Err(finished) => return finished,
        };
        failure.reason().clone_into(&mut self.reason);
        self.is_in_doubt |= matches!(failure, RequestFailure::Unknown(_));
        let verdict = self.bucket.find_batch(self.base, &self.next.manifest.batch);
        if let Some(result) = self.result_of(verdict) {
            return Step::Finished(result);
        }
        // Ceph 16 compares the ETag without its quotation marks, so a condition with quotation marks is never satisfied.
        if matches!(failure, RequestFailure::Condition(_))
            && client.etag_style() == EtagStyle::Untested
            && let Err(reason) = self.bucket.find_etag_style()
        {
            self.reason = reason;
        }
        Step::Retry
    }

    /// Waits for the response. If the response takes long, reads the manifest again and again until it shows the result.
    fn wait(
        &mut self,
        mut put: JoinHandle<Result<UpdateVersion, RequestFailure>>,
    ) -> Result<Result<UpdateVersion, RequestFailure>, Step> {
        let timing = self.bucket.options.timing;
        let mut wait = timing.patience;
        loop {
            let response = self
                .bucket
                .client
                .block_on(async { tokio::time::timeout(wait, &mut put).await });
            match response {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => return Ok(Err(RequestFailure::Unknown(error.to_string()))),
                Err(_) => {}
            }
            wait = timing.poll;
            self.is_in_doubt = true;
            "the bucket does not respond".clone_into(&mut self.reason);
            let verdict = self.bucket.find_batch(self.base, &self.next.manifest.batch);
            if let Some(result) = self.result_of(verdict) {
                put.abort();
                return Err(Step::Finished(result));
            }
            if let Some(error) = self.expired() {
                put.abort();
                return Err(Step::Finished(Err(error)));
            }
        }
    }

    /// Returns the result of the swap (the replacement of the manifest) if it is certain or there is no point in waiting for it; `None` if
    /// the manifest must be read again later.
    fn result_of(
        &mut self,
        verdict: Result<Verdict, ReadFailure>,
    ) -> Option<Result<Option<Arc<KnownManifest>>>> {
        match verdict {
            Ok(Verdict::Made(newest)) => {
                self.bucket.set_own_batch(&self.next.manifest.batch);
                Some(Ok(Some(newest)))
            }
            Ok(Verdict::Lost) => Some(Ok(None)),
            Ok(Verdict::Forgotten) if self.is_in_doubt => {
                "so many other swaps were made since that it is unknown whether this one was made"
                    .clone_into(&mut self.reason);
                Some(Err(self.unconfirmed()))
            }
            Ok(Verdict::Forgotten) => Some(Ok(None)),
            Ok(Verdict::Undecided) => None,
            Err(ReadFailure::Unreachable(reason)) => {
                self.reason = reason;
                None
            }
            Err(failure) if self.is_in_doubt => {
                self.reason = failure.reason().to_owned();
                Some(Err(self.unconfirmed()))
            }
            Err(failure) => Some(Err(self.bucket.read_error(failure))),
        }
    }

    /// Records that this swap has replaced the manifest in the bucket. `version` is the bucket's version of the new manifest. Returns the
    /// newest manifest that this process knows. It is always `Some`: `None` is the result of a swap that another writer preceded.
    fn adopt(&self, version: UpdateVersion) -> Result<Option<Arc<KnownManifest>>> {
        let client = &self.bucket.client;
        if client.etag_style() == EtagStyle::Untested {
            client.set_etag_style(EtagStyle::Quoted);
        }
        let manifest = self.next.manifest.clone();
        let known = Arc::new(KnownManifest::new(
            manifest,
            version,
            self.next.base.clone(),
        ));
        self.bucket.set_own_batch(&known.manifest.batch);
        Ok(Some(self.bucket.publish(known)))
    }

    /// Returns an error if the time limit for the swap is exceeded.
    fn expired(&self) -> Option<Error> {
        let timing = &self.bucket.options.timing;
        let elapsed = self.started.elapsed();
        if self.is_in_doubt {
            return (elapsed >= timing.unconfirmed).then(|| self.unconfirmed());
        }
        (elapsed >= timing.unreachable).then(|| self.bucket.unreachable(&self.reason))
    }

    fn unconfirmed(&self) -> Error {
        Error::Unconfirmed {
            source: Arc::new(self.bucket.no_response(&self.reason)),
        }
    }
}

#[cfg(test)]
mod tests;
