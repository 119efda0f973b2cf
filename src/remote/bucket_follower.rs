//! Keeps a server's local copy of a store equal to the store itself, which is in a bucket and which several servers share. If the server
//! that made the last write no longer responds, this server takes over its duties, such as pushes to mirrors.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::peer_check::PeerCheck;
use crate::names::ServerUrl;
use crate::store::{Store, chain};

/// The number of failed checks of the server that last wrote to the bucket, after which this server takes over its duties.
const FAILED_CHECKS_MAX: u32 = 2;
/// The number of failed attempts to read the bucket, since the start of this server, after which it serves a local copy from an earlier
/// run, although the copy may be old.
const FAILURES_MAX: u32 = 3;
/// The pause after a failed attempt to read the bucket, as long as this server does not serve its local copy of the store.
const PAUSE_FIRST: Duration = Duration::from_millis(300);
/// The longest pause after a failed attempt to read the bucket.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Keeps a server's local copy of a store equal to the store in the bucket.
pub struct BucketFollower {
    store: Arc<Store>,
    /// The URL of this server, as the other servers know it.
    url: String,
    poll: Duration,
    progress: Mutex<FollowProgress>,
}

/// The results of the latest attempts to make the local copy equal to the state in the bucket.
#[derive(Debug, Default)]
struct FollowProgress {
    /// Whether this server may serve its copy, see [`BucketFollower::is_complete`].
    is_complete: bool,
    last_success: Option<Instant>,
    failures: u32,
    error: Option<String>,
}

/// The status of a server's local copy of a store in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketFollowStatus {
    /// Whether this server may serve its copy, see [`BucketFollower::is_complete`].
    pub is_complete: bool,
    /// The time since the copy was last known to be equal to the state in the bucket; `None` if it has not been since the server started.
    pub lag: Option<Duration>,
    /// The number of failed attempts to read the bucket since the last successful one.
    pub failures: u32,
    /// The reason why the last attempt failed, without secrets; `None` if it succeeded.
    pub error: Option<String>,
    /// The generation to which the copy was last updated. The generation is a number that every change of the shared state in the bucket
    /// increments.
    pub generation: u64,
    /// The URL of the server that made the last write to the bucket or has taken over from that server; `None` if it has no URL.
    pub writer: Option<String>,
    /// Whether this server made the last write to the bucket, or has taken over from the server that made it.
    pub is_last_writer: bool,
}

impl BucketFollower {
    /// Returns a follower for the server that other servers know by `url`. Does not read the bucket yet. `poll` is the pause between two
    /// reads of the bucket.
    pub fn new(store: Arc<Store>, url: String, poll: Duration) -> Self {
        Self {
            store,
            url,
            poll,
            progress: Mutex::default(),
        }
    }

    /// Returns the URL of this server, as the other servers know it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns whether this server may serve its copy: it was equal to the state in the bucket at least once since the server started, or
    /// it is from an earlier run and the bucket cannot be reached.
    pub fn is_complete(&self) -> bool {
        self.progress().is_complete
    }

    /// Returns the status of this server's copy.
    pub fn status(&self) -> BucketFollowStatus {
        let writer = self
            .store
            .shared_state()
            .and_then(|state| state.writer.clone());
        let progress = self.progress();
        BucketFollowStatus {
            is_complete: progress.is_complete,
            lag: progress.last_success.map(|at| at.elapsed()),
            failures: progress.failures,
            error: progress.error.clone(),
            generation: self.store.generation(),
            is_last_writer: self.store.authority().is_last_writer(),
            writer,
        }
    }

    /// Makes the copy equal to the state in the bucket, again and again. Never returns.
    pub fn run(&self) {
        let mut check = PeerCheck::default();
        loop {
            let pause = match self.follow() {
                Ok(()) => {
                    self.check_last_writer(&mut check);
                    self.poll
                }
                Err(_) if !self.is_complete() => PAUSE_FIRST,
                Err(failures) => (self.poll * failures.min(5)).min(PAUSE_MAX),
            };
            thread::sleep(pause);
        }
    }

    /// Makes the copy equal to the state in the bucket. Returns the number of consecutive failures as the error.
    fn follow(&self) -> Result<(), u32> {
        let begun = Instant::now();
        let followed = self.store.follow();
        if followed.is_ok()
            && let Err(error) = self.store.tidy_shared()
        {
            tracing::warn!(error = chain(&error), "cannot roll packs up");
        }
        let mut progress = self.progress();
        match followed {
            Ok(()) => {
                if progress.failures > 0 {
                    tracing::info!("following the bucket again");
                }
                progress.is_complete = true;
                progress.last_success = Some(begun);
                progress.failures = 0;
                progress.error = None;
                Ok(())
            }
            Err(error) => {
                let error = chain(&error);
                if progress.failures == 0 {
                    tracing::warn!(error, "cannot follow the bucket; retrying");
                }
                progress.failures = progress.failures.saturating_add(1);
                progress.error = Some(error);
                // While the bucket cannot be reached, a copy from an earlier run is served, even if it is old.
                let was_complete = self.store.generation() > 0;
                progress.is_complete |= was_complete && progress.failures >= FAILURES_MAX;
                Err(progress.failures)
            }
        }
    }

    /// Takes over the duties of the server that last wrote to the bucket, if that server does not respond. If several servers try this at
    /// once, one of them succeeds, and the others accept it as the last writer.
    fn check_last_writer(&self, check: &mut PeerCheck) {
        let writer = self
            .store
            .shared_state()
            .and_then(|state| state.writer.clone());
        let responds = match writer.as_deref() {
            Some(writer) if writer == self.url => true,
            Some(writer) => match ServerUrl::parse(writer) {
                Ok(url) => check.responds(&url),
                Err(_) => false,
            },
            None => false,
        };
        if responds {
            return check.reset();
        }
        if writer.is_some() && check.failures() < FAILED_CHECKS_MAX {
            return;
        }
        // Two servers that reach the bucket but not each other would take over from each other all the time. So a server that has just
        // taken over waits before it does so again.
        if check.has_attempted_takeover_lately() {
            return;
        }
        check.note_takeover_attempt();
        let claimed = self.store.authority().claim(writer.as_deref());
        match claimed.map_err(crate::store::Error::from) {
            Ok(true) => tracing::info!(former = writer, "took over from the last writer"),
            Ok(false) => {}
            Err(error) => tracing::debug!(error = chain(&error), "cannot take over"),
        }
        // The next call reads from the bucket which server has taken over, and checks that one.
        check.reset();
    }

    fn progress(&self) -> MutexGuard<'_, FollowProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
