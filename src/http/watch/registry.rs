//! Everything that is watched: one wake-up for the whole server, one look at each branch.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::branch_feed::{End, Feed};
use crate::config::ServerLimits;
use crate::http::blocking::cross;
use crate::http::error::{Failure, Result};
use crate::names::BranchName;
use crate::store::{RefWaker, RefWatcher, Store};

/// How long the file system is relied on to wake, before there is a look without it.
const POLL: Duration = Duration::from_secs(1);
/// How many branches are watched at a time: of each, every path is held.
const FEEDS_MAX: usize = 256;
/// How many sockets read the store on their own at a time: as they come, and later.
const COMING_MAX: usize = 8;
const CATCHING_UP_MAX: usize = 8;
/// How many of them hold more than a small piece of what they read.
const LARGE_MAX: usize = 2;
/// How often one who comes looks for what is new before it takes the last of it for the tip.
const FIRST_LOOKS_MAX: usize = 8;

/// The sockets that watch, and the feeds of their branches.
pub(in crate::http) struct Hub {
    pub(in crate::http) store: Arc<Store>,
    pub(in crate::http) limits: ServerLimits,
    /// Fires when the server stops.
    pub(in crate::http) closing: CancellationToken,
    /// Taken by each socket, as long as it is open.
    sockets: Arc<Semaphore>,
    /// Taken while a socket that comes reads the store; those who catch up do not keep it waiting.
    coming: Arc<Semaphore>,
    /// Taken while a socket that is not at the tip reads the store.
    catching_up: Arc<Semaphore>,
    /// Taken by a socket that has a large piece to tell that it shares with nobody.
    pub(in crate::http) large: Arc<Semaphore>,
    /// The feeds that have sockets. Held for moments.
    feeds: Mutex<HashMap<BranchName, Weak<Feed>>>,
    /// Held while a feed is made, so that those who come at the same time share it.
    opening: tokio::sync::Mutex<()>,
    /// Wakes the thread that looks, once there is one.
    lookout: OnceLock<RefWaker>,
}

impl Hub {
    /// A hub without sockets. They are told that the server goes away when `closing` fires.
    pub fn new(store: Arc<Store>, limits: &ServerLimits, closing: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            store,
            limits: *limits,
            closing,
            sockets: Arc::new(Semaphore::new(
                limits.sockets_max.min(Semaphore::MAX_PERMITS),
            )),
            coming: Arc::new(Semaphore::new(COMING_MAX)),
            catching_up: Arc::new(Semaphore::new(CATCHING_UP_MAX)),
            large: Arc::new(Semaphore::new(LARGE_MAX)),
            feeds: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            lookout: OnceLock::new(),
        })
    }

    /// Makes room for one more socket.
    pub(in crate::http) fn admit(&self) -> Result<OwnedSemaphorePermit> {
        let full = |detail| Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        if self.closing.is_cancelled() {
            return Err(full("the server is stopping"));
        }
        let permit = Arc::clone(&self.sockets).try_acquire_owned();
        permit.map_err(|_| full("there are too many watchers already"))
    }

    /// The feed of a branch, or of the default one, that has told what happened up to now.
    pub(in crate::http) async fn feed(
        self: &Arc<Self>,
        branch: Option<BranchName>,
    ) -> Result<Arc<Feed>> {
        let branch = match branch {
            Some(branch) => branch,
            None => self.coming(|store| store.default_branch()).await??,
        };
        if let Some(feed) = self.existing(&branch) {
            return self.brought_up(feed).await;
        }
        let _opening = self.opening.lock().await;
        if let Some(feed) = self.existing(&branch) {
            return self.brought_up(feed).await;
        }
        if self.watched().len() >= FEEDS_MAX {
            let detail = "there are too many branches that are watched already";
            return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail));
        }
        let hub = Arc::clone(self);
        let opened = self.coming(move |store| {
            // In this order: what moves after the tip was read, wakes.
            let call = hub.lookout.get_or_init(|| look_out(&hub));
            let feed = Arc::new(Feed::open(store, &branch)?);
            hub.feeds().insert(branch, Arc::downgrade(&feed));
            call.wake();
            Ok(feed)
        });
        opened
            .await?
            .map_err(|error: crate::store::Error| error.into())
    }

    fn existing(&self, branch: &BranchName) -> Option<Arc<Feed>> {
        let feed = self.feeds().get(branch)?.upgrade()?;
        (!feed.is_over()).then_some(feed)
    }

    async fn brought_up(&self, feed: Arc<Feed>) -> Result<Arc<Feed>> {
        let look = move |store: &Store| {
            let mut looks = (0..FIRST_LOOKS_MAX).map(|_| feed.look(store));
            let _ = looks.all(|more| more);
            feed
        };
        let feed = self.coming(look).await?;
        match feed.is_over() {
            true => Err(Failure::new(
                StatusCode::NOT_FOUND,
                format!("there is no branch {:?}", feed.branch().as_str()),
            )),
            false => Ok(feed),
        }
    }

    /// Reads the store for a socket that comes, when it is its turn.
    pub(in crate::http) async fn coming<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> Result<T> {
        self.reading(&self.coming, read).await
    }

    /// Reads the store for a socket that is not at the tip, when it is its turn.
    pub(in crate::http) async fn catching_up<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> Result<T> {
        self.reading(&self.catching_up, read).await
    }

    async fn reading<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        read: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> Result<T> {
        let turn = Arc::clone(turns).acquire_owned().await;
        let turn = turn.expect("BUG: it is never closed");
        let read = cross(&self.store, turn, &Handle::current(), read).await;
        read.map_err(|error| {
            tracing::error!(%error, "watching failed");
            let detail = "watching failed; the log tells more";
            Failure::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
        })
    }

    /// Looks at every branch that has sockets, until there is nothing new.
    fn look_round(&self) {
        let mut is_more = true;
        while is_more && !self.closing.is_cancelled() {
            is_more = false;
            for feed in self.watched() {
                let look = AssertUnwindSafe(|| feed.look(&self.store));
                is_more |= catch_unwind(look).unwrap_or_else(|_| feed.end(End::Failed));
            }
        }
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<BranchName, Weak<Feed>>> {
        self.feeds
            .lock()
            .expect("BUG: nothing panics while it holds this")
    }

    fn watched(&self) -> Vec<Arc<Feed>> {
        let mut feeds = self.feeds();
        let mut watched = Vec::with_capacity(feeds.len());
        feeds.retain(|_, feed| {
            let feed = feed.upgrade().filter(|feed| !feed.is_over());
            let is_watched = feed.is_some();
            watched.extend(feed);
            is_watched
        });
        watched
    }
}

/// Starts the thread that looks when it is woken, and every now and then; it ends with the server.
fn look_out(hub: &Arc<Hub>) -> RefWaker {
    let wake: RefWatcher = hub.store.wake();
    let (call, hub) = (wake.waker(), Arc::downgrade(hub));
    std::thread::spawn(move || {
        loop {
            match hub.upgrade() {
                Some(hub) if !hub.closing.is_cancelled() => hub.look_round(),
                _ => return,
            }
            wake.wait(POLL);
        }
    });
    call
}
