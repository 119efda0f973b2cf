//! The registry of watched branches. One thread waits for changes of refs for the whole server, and each changed branch is read once for
//! all subscribers of the branch.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::branch_feed::{BranchFeed, FeedEnd};
use crate::config::ServerLimits;
use crate::http::blocking::run_blocking;
use crate::http::error::{Failure, Result};
use crate::names::BranchName;
use crate::store::{self, RefWaker, RefWatcher, Store};

/// The time after which the branches are polled even if there was no file-system notification.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How many branches may be watched at the same time. Each watched branch has a feed, which holds all paths of the branch in memory.
const FEEDS_MAX: usize = 256;
/// How many connecting WebSockets may read the store at the same time.
const CONNECTING_MAX: usize = 8;
/// How many subscribers may read the store at the same time to catch up, because their next events are no longer in the buffer.
const CATCHING_UP_MAX: usize = 8;
/// How many of the subscribers that catch up (read missed events from the store) may hold a large message at the same time.
const LARGE_MESSAGES_MAX: usize = 2;
/// How many times a new subscriber polls its branch to reach the tip. If the branch still has newer commits after that, the subscriber
/// begins at the newest event that was read.
const FIRST_POLLS_MAX: usize = 8;

/// The watched branches, and the limits on the WebSockets that watch them.
pub(in crate::http) struct WatchRegistry {
    pub(super) store: Arc<Store>,
    pub(in crate::http) limits: ServerLimits,
    /// Cancelled when the server shuts down.
    pub(super) shutdown: CancellationToken,
    /// The permits for open WebSockets. Each WebSocket holds one.
    socket_permits: Arc<Semaphore>,
    /// The permits with which connecting WebSockets read the store. They are separate from `catch_up_permits`, so that subscribers that
    /// catch up do not delay new WebSockets.
    connecting_permits: Arc<Semaphore>,
    /// The permits with which subscribers read the store to catch up.
    catch_up_permits: Arc<Semaphore>,
    /// The permits with which subscribers send large messages that they do not share with other subscribers.
    pub(super) large_message_permits: Arc<Semaphore>,
    /// The feeds that have subscribers, by branch. Locked only briefly.
    feeds: Mutex<HashMap<BranchName, Weak<BranchFeed>>>,
    /// Locked while a feed is created, so that WebSockets that connect at the same time share the feed.
    opening: tokio::sync::Mutex<()>,
    /// Wakes the thread that polls the watched branches for new commits. Set when that thread is started.
    poller: OnceLock<RefWaker>,
}

impl WatchRegistry {
    /// Returns a registry with no watched branches. The WebSockets are closed when `shutdown` is cancelled.
    pub fn new(store: Arc<Store>, limits: &ServerLimits, shutdown: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            store,
            limits: *limits,
            shutdown,
            socket_permits: Arc::new(Semaphore::new(
                limits.sockets_max.min(Semaphore::MAX_PERMITS),
            )),
            connecting_permits: Arc::new(Semaphore::new(CONNECTING_MAX)),
            catch_up_permits: Arc::new(Semaphore::new(CATCHING_UP_MAX)),
            large_message_permits: Arc::new(Semaphore::new(LARGE_MESSAGES_MAX)),
            feeds: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            poller: OnceLock::new(),
        })
    }

    /// Returns a permit for one more WebSocket.
    ///
    /// # Errors
    /// 503 if all permits are in use, and while the server shuts down.
    pub fn socket_permit(&self) -> Result<OwnedSemaphorePermit> {
        let unavailable = |detail| Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        if self.shutdown.is_cancelled() {
            return Err(unavailable("the server is stopping"));
        }
        let permit = Arc::clone(&self.socket_permits).try_acquire_owned();
        permit.map_err(|_| unavailable("too many watchers"))
    }

    /// Returns the feed of a branch, or of the default branch, after the feed has read all commits made before this call.
    ///
    /// # Errors
    /// 404 if the branch does not exist; 503 if too many branches are watched; 500 if the store cannot be read.
    pub(super) async fn feed(
        self: &Arc<Self>,
        branch: Option<BranchName>,
    ) -> Result<Arc<BranchFeed>> {
        let branch = match branch {
            Some(branch) => branch,
            None => {
                self.read_connecting(|store| store.default_branch())
                    .await??
            }
        };
        if let Some(feed) = self.open_feed(&branch) {
            return self.poll_to_tip(feed).await;
        }
        let _opening = self.opening.lock().await;
        if let Some(feed) = self.open_feed(&branch) {
            return self.poll_to_tip(feed).await;
        }
        if self.open_feeds().len() >= FEEDS_MAX {
            let detail = "too many watched branches";
            return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail));
        }
        let registry = Arc::clone(self);
        let opened = self.read_connecting(move |store| {
            // The thread is started before the tip is read, so that it notices every later move of the branch.
            let poller = registry.poller.get_or_init(|| start_poller(&registry));
            let feed = Arc::new(BranchFeed::open(store, &branch)?);
            registry.feeds().insert(branch, Arc::downgrade(&feed));
            poller.wake();
            Ok(feed)
        });
        opened.await?.map_err(|error: store::Error| error.into())
    }

    fn open_feed(&self, branch: &BranchName) -> Option<Arc<BranchFeed>> {
        let feed = self.feeds().get(branch)?.upgrade()?;
        (!feed.has_ended()).then_some(feed)
    }

    async fn poll_to_tip(&self, feed: Arc<BranchFeed>) -> Result<Arc<BranchFeed>> {
        let poll = move |store: &Store| {
            let mut polls = (0..FIRST_POLLS_MAX).map(|_| feed.poll(store));
            let _ = polls.all(|may_have_more| may_have_more);
            feed
        };
        let feed = self.read_connecting(poll).await?;
        if feed.has_ended() {
            let detail = format!("there is no branch {:?}", feed.branch().as_str());
            return Err(Failure::new(StatusCode::NOT_FOUND, detail));
        }
        Ok(feed)
    }

    /// Reads the store for a connecting WebSocket when a permit is free.
    pub(super) async fn read_connecting<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> Result<T> {
        self.read(&self.connecting_permits, read).await
    }

    /// Reads the store for a subscriber that catches up, when a permit is free.
    pub(super) async fn read_catching_up<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> Result<T> {
        self.read(&self.catch_up_permits, read).await
    }

    async fn read<T: Send + 'static>(
        &self,
        permits: &Arc<Semaphore>,
        read: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(permits).acquire_owned().await;
        let permit = permit.expect("BUG: the semaphore is never closed");
        let result = run_blocking(&self.store, permit, &Handle::current(), read).await;
        result.map_err(|error| {
            tracing::error!(%error, "a read for a watcher panicked");
            let detail = "watching failed; see the server log";
            Failure::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
        })
    }

    /// Polls the feeds of all branches until none has new events.
    fn poll_all(&self) {
        let mut may_have_more = true;
        while may_have_more && !self.shutdown.is_cancelled() {
            may_have_more = false;
            for feed in self.open_feeds() {
                let poll = AssertUnwindSafe(|| feed.poll(&self.store));
                may_have_more |=
                    catch_unwind(poll).unwrap_or_else(|_| feed.end(FeedEnd::StoreFailed));
            }
        }
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<BranchName, Weak<BranchFeed>>> {
        self.feeds
            .lock()
            .expect("BUG: nothing panics while it is locked")
    }

    fn open_feeds(&self) -> Vec<Arc<BranchFeed>> {
        let mut feeds = self.feeds();
        let mut open = Vec::with_capacity(feeds.len());
        feeds.retain(|_, feed| {
            let feed = feed.upgrade().filter(|feed| !feed.has_ended());
            let is_open = feed.is_some();
            open.extend(feed);
            is_open
        });
        open
    }
}

/// Starts the thread that polls all feeds whenever it is woken, and at least every [`POLL_INTERVAL`]. The thread ends with the server.
fn start_poller(registry: &Arc<WatchRegistry>) -> RefWaker {
    let watcher: RefWatcher = registry.store.watch_refs();
    let (waker, registry) = (watcher.waker(), Arc::downgrade(registry));
    std::thread::spawn(move || {
        loop {
            match registry.upgrade() {
                Some(registry) if !registry.shutdown.is_cancelled() => registry.poll_all(),
                _ => return,
            }
            watcher.wait(POLL_INTERVAL);
        }
    });
    waker
}
