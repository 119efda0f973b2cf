//! Asks the authority to change the shared state, and follows it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::repo::authority::{AppliedRequest, Freshness, PackFiles, RequestId, Swap};
use crate::repo::error::{Error, Result, chain};
use crate::repo::following::RequestState;
use crate::repo::packs::pack::Pack;
use crate::repo::parts::Parts;

/// How long a change is attempted again and again while other machines change the shared state.
const RETRY_MAX: Duration = Duration::from_secs(10);

impl Parts {
    /// Makes a swap on top of the state to which the refs are equal. Returns whether it was made; if not, another machine made a swap
    /// first, or the refs of this repository were moved by another program. The caller holds `refs.lock`, and has caught up.
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
                    // The change is made, and this repository follows with the next attempt.
                    tracing::error!(error = chain(&error), "cannot follow a swap of this server");
                }
                Ok(true)
            }
            Ok(None) => {
                self.doubt();
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
    /// Catches up and calls `attempt`, again and again while another machine changes the shared state in between. On one disk, calls it once.
    ///
    /// # Errors
    /// The error of `attempt`, `Moved` after many attempts; those of catching up.
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

    /// Returns the change that was applied for a request; `None` if none was.
    ///
    /// # Errors
    /// `Unconfirmed` if the request is so old that this is not known any more.
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
