//! Asks the authority to change the shared state, and makes the local repository equal to the result.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::repo::authority::{AppliedRequest, Freshness, PackFiles, RequestEnd, RequestId, Swap};
use crate::repo::error::{Error, Result, chain};
use crate::repo::following::RequestState;
use crate::repo::packs::pack::Pack;
use crate::repo::parts::Parts;

/// How long a change is retried while other machines change the shared state.
const RETRY_MAX: Duration = Duration::from_secs(10);

impl Parts {
    /// Applies `swap` to the shared state, if that is still the state to which the local refs are equal. Returns whether the swap was made.
    /// If not, another machine made a swap first, or another program moved the refs of this repository. The caller holds `refs.lock`, and
    /// has called [`catch_up`](Self::catch_up).
    ///
    /// # Errors
    /// `Unconfirmed` if it is unknown whether the swap was made; after any other error it was not made.
    pub(crate) fn swap(&self, swap: &Swap) -> Result<bool> {
        let base = self.noted_generation();
        match self.authority.swap(base, swap) {
            Ok(Some(state)) => {
                let mut followed = self.following.lock();
                followed.note_own_swap(base, state.generation);
                drop(followed);
                if let Err(error) = self.follow(state) {
                    // The change is made in the bucket, and the next `catch_up` makes this repository equal to it.
                    tracing::error!(
                        error = chain(&error),
                        "a change of this server is in the bucket, but the local repository cannot be updated"
                    );
                }
                Ok(true)
            }
            Ok(None) => {
                // If no other machine was first, a ref of this repository differs from the shared state. Otherwise the refs need not all be
                // compared, which would take longer than other machines need for their next swap if there are many refs.
                if self.authority.known_generation() <= base {
                    self.doubt();
                }
                Ok(false)
            }
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "cannot change the store in the bucket"
                );
                self.doubt();
                Err(error)
            }
        }
    }
}

impl Parts {
    /// Catches up and calls `attempt`. Repeats both while another machine changes the shared state between them, for at most `RETRY_MAX`.
    /// On one disk, calls `attempt` once.
    ///
    /// # Errors
    /// The error of `attempt`, which is `Moved` if other machines changed the state each time; the errors of [`catch_up`](Self::catch_up).
    pub(crate) fn until_swapped<T>(&self, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        loop {
            self.catch_up(Freshness::Current)?;
            match attempt() {
                Err(Error::Moved(_))
                    if self.authority.is_shared() && begun.elapsed() < RETRY_MAX => {}
                result => return result,
            }
        }
    }

    /// Makes sure that the change of a request is not applied later by another machine that has the request: records the request without a
    /// change, unless its change was applied already. Releases the locks between two attempts, so that other threads can write.
    ///
    /// # Errors
    /// `Unconfirmed` if it is unknown whether the change was or will be applied; `Unreachable`; `Busy`.
    pub(crate) fn exclude_request(&self, request: &RequestId) -> Result<RequestEnd> {
        // A recorded request stays recorded, so neither the locks nor the newest state are needed.
        let recorded = self.following.last().and_then(|state| {
            let mut requests = state.requests.iter();
            requests
                .find(|applied| applied.id == request.id)
                .map(end_of)
        });
        if let Some(end) = recorded {
            return Ok(end);
        }
        let swap = Swap {
            requests: vec![AppliedRequest::excluded(request)],
            ..Swap::default()
        };
        let begun = Instant::now();
        while begun.elapsed() < RETRY_MAX {
            let _lock = self.locks.writing()?;
            let _refs = self.locks.refs()?;
            self.catch_up(Freshness::Current)?;
            match self.find_request(request)? {
                Some(found) => return Ok(end_of(&found)),
                None if self.swap(&swap)? => return Ok(RequestEnd::Excluded),
                None => {}
            }
        }
        let reason = "other machines keep changing the store";
        Err(Error::Busy(reason.to_owned()))
    }

    /// Returns the change that was applied for a request; `None` if the request was not applied.
    ///
    /// # Errors
    /// `Unconfirmed` if the request is so old that it is no longer known whether it was applied.
    pub(crate) fn find_request(&self, request: &RequestId) -> Result<Option<AppliedRequest>> {
        match self.following.lock().find_request(request) {
            RequestState::Applied(applied) => Ok(Some(applied)),
            RequestState::New => Ok(None),
            RequestState::Forgotten => {
                let reason = "too many other changes were made since the request was sent";
                let source = Error::database("find out whether the change was made")(reason);
                Err(Error::Unconfirmed {
                    source: Arc::new(source),
                })
            }
        }
    }
}

fn end_of(recorded: &AppliedRequest) -> RequestEnd {
    match recorded.is_excluded() {
        true => RequestEnd::Excluded,
        false => RequestEnd::Applied,
    }
}

impl From<&Pack> for PackFiles {
    fn from(pack: &Pack) -> Self {
        let [data, index] = pack.files();
        Self {
            checksum: pack.checksum(),
            pack: data,
            index,
        }
    }
}
