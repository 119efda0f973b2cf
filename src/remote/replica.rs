//! A replica: a store that follows another one, which is served, and answers reads in its place.
//!
//! The primary's `watch` wakes it, and behind that it asks every few seconds. It asks by git where the branches and tags are, fetches
//! what they lead to, and moves its own: so it has everything that the primary's history has, and a gap heals by itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{Error, Result};
use super::primary::Primary;
use super::primary_watch;
use crate::config::Options;
use crate::git::Git;
use crate::names::{ObjectId, RefName};
use crate::store::{ObjectFormat, RemoteRefs, SkippedRef, Store, chain};

/// How long it waits after a failure, at first and at most.
pub(super) const DELAY_FIRST: Duration = Duration::from_millis(250);
pub(super) const DELAY_MAX: Duration = Duration::from_secs(5);

/// How long it rests after each look, so that many changes in a row are fetched together.
const TURN_INTERVAL: Duration = Duration::from_millis(100);

/// A store that follows another one.
pub struct Replica {
    store: Arc<Store>,
    git: Git,
    primary: Primary,
    seen: Mutex<Seen>,
}

/// What is known of the primary.
#[derive(Debug)]
struct Seen {
    /// When this store was equal to it for the last time.
    equal: Option<Instant>,
    begun: Instant,
    failures: u32,
    error: Option<String>,
    /// What it has and this store does not take, of which was told.
    skipped: BTreeSet<(RefName, ObjectId)>,
}

/// How a replica stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// For how long it is not known to be equal to the primary.
    pub lag: Duration,
    /// How often it has failed since it succeeded.
    pub failures: u32,
    /// Why, the last time, without secrets.
    pub error: Option<String>,
}

impl Replica {
    /// Opens the store at `root` as a replica of `primary`, making it first where there is none. Unless it was equal to the primary
    /// before, it waits until the primary can be reached, and has everything when this returns.
    ///
    /// # Errors
    /// `NoGit`; the store has a history of its own; it cannot be opened or written.
    pub fn open(root: &Path, options: Options, primary: Primary) -> Result<Self> {
        let git = Git::find(root).ok_or(Error::NoGit)?;
        let is_new = Store::open(root, options)?.object_format().is_none();
        let format = match is_new {
            true => primary.format(&git),
            false => ObjectFormat::default(),
        };
        let mut store = Store::open_or_create(root, options, format)?;
        store.become_replica(&primary.url)?;
        let was_equal = store.was_in_sync_with(&primary.url);
        let replica = Self {
            store: Arc::new(store),
            git,
            primary,
            seen: Mutex::new(Seen {
                equal: None,
                begun: Instant::now(),
                failures: 0,
                error: None,
                skipped: BTreeSet::new(),
            }),
        };
        if !was_equal {
            while let Some(delay) = replica.turn() {
                thread::sleep(delay);
            }
        }
        Ok(replica)
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// How it stands.
    pub fn status(&self) -> ReplicaStatus {
        let seen = self.seen();
        ReplicaStatus {
            lag: seen.equal.unwrap_or(seen.begun).elapsed(),
            failures: seen.failures,
            error: seen.error.clone(),
        }
    }

    /// Follows the primary for ever.
    pub fn run(&self) {
        // One call is enough, however much has changed.
        let (call, calls) = sync_channel(1);
        let primary = self.primary.clone();
        let watching = call.clone();
        let thread = thread::Builder::new().name("watch".to_owned());
        let spawned = thread.spawn(move || primary_watch::keep(&primary, &watching));
        if let Err(error) = spawned {
            tracing::warn!(%error, "the primary is not watched, only asked");
        }
        loop {
            match self.turn() {
                // What woke it is no reason to ask sooner one who did not answer.
                Some(delay) => thread::sleep(delay),
                None => {
                    thread::sleep(TURN_INTERVAL);
                    // `call` keeps the channel open: this returns for a call, or when it is time to ask.
                    let _ = calls.recv_timeout(self.primary.limits.poll_interval);
                }
            }
        }
    }

    /// Becomes equal to the primary; how long to wait if that failed.
    fn turn(&self) -> Option<Duration> {
        let began = Instant::now();
        let followed = self.follow();
        let mut seen = self.seen();
        match followed {
            Ok(()) => {
                if seen.failures > 0 {
                    tracing::info!(primary = %self.primary.url, "following the primary again");
                }
                seen.equal = Some(began);
                seen.failures = 0;
                seen.error = None;
                None
            }
            Err(error) => {
                let error = chain(&error);
                if seen.failures == 0 {
                    tracing::warn!(primary = %self.primary.url, error, "cannot follow the primary; trying on");
                }
                let delay = (DELAY_FIRST * (1 << seen.failures.min(16))).min(DELAY_MAX);
                seen.failures = seen.failures.saturating_add(1);
                seen.error = Some(error);
                Some(delay)
            }
        }
    }

    fn follow(&self) -> Result<()> {
        let wanted = self.wanted()?;
        let url = self.primary.url.git();
        let header = self.primary.header();
        let from = self.primary.followed(&url, header.as_deref());
        let fetch = |ids: &[ObjectId]| {
            let fetched = self.git.fetch_objects(&from, ids);
            fetched.map_err(Error::git_remote(&url))
        };
        let skipped = self.store.sync_refs(&wanted, fetch)?;
        self.skip(skipped);
        if !self.store.was_in_sync_with(&self.primary.url) {
            self.store.record_in_sync_with(&self.primary.url)?;
        }
        Ok(())
    }

    /// What the primary has, without what is skipped.
    fn wanted(&self) -> Result<RemoteRefs> {
        let mut wanted = self.primary.wanted(&self.git)?;
        let mut seen = self.seen();
        let skipped = &mut seen.skipped;
        skipped.retain(|(name, id)| wanted.refs.get(name) == Some(id));
        for (name, _) in skipped.iter() {
            wanted.refs.remove(name);
        }
        Ok(wanted)
    }

    /// Takes down what is skipped from now on.
    fn skip(&self, skipped: Vec<SkippedRef>) {
        for SkippedRef { name, id, refusal } in skipped {
            tracing::warn!(%name, %id, %refusal, "a ref of the primary is left out");
            self.seen().skipped.insert((name, id));
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
