//! A replica: a store that is kept equal to the store of another server, the primary, and that serves reads.
//!
//! The replica works in rounds. A message from the primary's `watch` endpoint or a timer starts a round. In a round, the replica lists the
//! primary's branches, tags and `refs/oci/records` with git, fetches the missing objects, and moves its own refs. So it gets the complete
//! history of the primary, even if it was not connected for some time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use super::error::{Error, Result};
use super::primary::{DELAY_FIRST, DELAY_MAX, Primary};
use super::primary_refs::{BrokenReport, PrimaryReader};
use super::primary_watch;
use super::proxy::ProxySettings;
use crate::config::{ClientLimits, Options};
use crate::git::Git;
use crate::names::{ObjectId, RefName};
use crate::oci::keep_records;
use crate::store::{self, ObjectFormat, RemoteRefs, SkippedRef, Store, chain};

/// The pause after each round (which makes the store equal to the primary), so that changes in quick succession are fetched together.
const ROUND_INTERVAL: Duration = Duration::from_millis(100);

/// A store that is kept equal to the store of another server.
pub struct Replica {
    store: Arc<Store>,
    reader: PrimaryReader,
    /// The results of the rounds so far, each of which makes the store equal to the primary. Each round updates them; the readiness check
    /// and the metrics read them.
    progress: Mutex<FollowProgress>,
}

/// The results of the rounds since the process started. A round makes the store equal to the primary.
#[derive(Debug)]
struct FollowProgress {
    /// The time when the last successful round started. The replica had everything that the primary had at that time.
    last_equal: Option<Instant>,
    started: Instant,
    failures: u32,
    error: Option<String>,
    /// The primary's refs that this store rejects, each with its id on the primary. Each of them has been logged.
    skipped: BTreeSet<(RefName, ObjectId)>,
    /// The refs that this store keeps because they are broken on the primary, each with the reason why it is broken. Each of them has been
    /// logged.
    kept: BTreeMap<String, String>,
    /// Whether the warning that the primary does not report broken refs has been logged.
    is_unsupported_logged: bool,
}

/// The result of a round: one attempt of a replica to make its store equal to the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RoundResult {
    /// The store is equal to the primary.
    Equal,
    /// This attempt to make the store equal to the primary failed. The next attempt is made after this delay.
    Failed(Duration),
    /// The replica was promoted to an ordinary store, so it no longer follows the primary.
    Promoted,
}

/// The status of a replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// The time since the replica was last known to be equal to the primary.
    pub lag: Duration,
    /// The number of failed attempts to make the replica equal to the primary since the last successful attempt.
    pub failures: u32,
    /// The reason why the last attempt failed, without secrets; `None` if it succeeded.
    pub error: Option<String>,
}

impl Replica {
    /// Opens the store at `root` as a replica of `primary`, and creates the store if it is missing. If the store has never been equal to
    /// this primary, waits until a round has succeeded, so that an incomplete copy is never served.
    ///
    /// # Errors
    /// `NoGit`; the replica was promoted (its mark in the configuration was removed) before a round has succeeded; the store has a history
    /// that is not from the primary; the store cannot be opened or written.
    pub fn open(root: &Path, options: Options, primary: Primary) -> Result<Self> {
        let git = Git::find(root).ok_or(Error::NoGit)?;
        let is_new = Store::open(root, options)?.object_format().is_none();
        let format = if is_new {
            primary.object_format(&git)
        } else {
            ObjectFormat::default()
        };
        let mut store = Store::open_or_create(root, options, format)?;
        keep_records(&mut store);
        store.become_replica(&primary.url)?;
        let was_equal = store.was_in_sync_with(&primary.url);
        let limits = ClientLimits {
            connect_timeout: primary.limits.connect_timeout,
            silence_max: primary.limits.socket_silence_max,
            ..ClientLimits::default()
        };
        let client = Client::new(
            primary.url.clone(),
            primary.key.as_deref(),
            &ProxySettings::default(),
            limits,
        )
        .map_err(|_| Error::InvalidReplicaKey)?;
        let replica = Self {
            store: Arc::new(store),
            reader: PrimaryReader {
                primary,
                client,
                git,
            },
            progress: Mutex::new(FollowProgress {
                last_equal: None,
                started: Instant::now(),
                failures: 0,
                error: None,
                skipped: BTreeSet::new(),
                kept: BTreeMap::new(),
                is_unsupported_logged: false,
            }),
        };
        if !was_equal {
            replica.wait_until_equal()?;
        }
        Ok(replica)
    }

    /// Runs rounds, each of which makes the store equal to the primary, until one has succeeded.
    fn wait_until_equal(&self) -> Result<()> {
        loop {
            match self.run_round() {
                RoundResult::Equal => return Ok(()),
                RoundResult::Failed(delay) => thread::sleep(delay),
                // The promoted store would accept writes, but it may be empty or lack branches. So it is not served.
                RoundResult::Promoted => {
                    let (primary, root) = (&self.reader.primary.url, self.store.root());
                    let (primary, root) = (primary.to_string(), root.to_owned());
                    return Err(store::Error::NeverInSync { primary, root }.into());
                }
            }
        }
    }

    /// Returns the replica's own store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Returns the replica's status; `None` if the store is not a replica any more.
    pub fn status(&self) -> Option<ReplicaStatus> {
        self.store.primary()?;
        let progress = self.progress();
        Some(ReplicaStatus {
            lag: progress.last_equal.unwrap_or(progress.started).elapsed(),
            failures: progress.failures,
            error: progress.error.clone(),
        })
    }

    /// Runs rounds that make the store equal to the primary, again and again, until the replica is promoted.
    pub fn run(&self) {
        // The capacity of the channel is one: a round fetches all changes, so one waiting wake-up is enough for any number of changes.
        let (wake, wake_ups) = sync_channel(1);
        let (primary, store) = (self.reader.primary.clone(), Arc::clone(&self.store));
        let watch_wake = wake.clone();
        let thread = thread::Builder::new().name("watch".to_owned());
        let is_replica = move || store.primary().is_some();
        let spawned = thread.spawn(move || primary_watch::run(&primary, &watch_wake, is_replica));
        if let Err(error) = spawned {
            tracing::warn!(%error, "cannot watch the primary; polling it");
        }
        loop {
            match self.run_round() {
                // A wake-up does not shorten this delay, because the primary has just failed to respond.
                RoundResult::Failed(delay) => thread::sleep(delay),
                RoundResult::Promoted => return,
                RoundResult::Equal => {
                    thread::sleep(ROUND_INTERVAL);
                    // `recv_timeout` returns after a wake-up or after the poll interval. If the watch thread has ended, `wake` keeps the
                    // channel open, so that the wait does not end at once.
                    let _ = wake_ups.recv_timeout(self.reader.primary.limits.poll_interval);
                }
            }
        }
    }

    /// Makes the store equal to the primary, unless the replica was promoted.
    fn run_round(&self) -> RoundResult {
        let start = Instant::now();
        let followed = match self.store.is_still_replica() {
            Ok(true) => self.follow(),
            Ok(false) => return RoundResult::Promoted,
            Err(error) => Err(error.into()),
        };
        // If the replica was promoted during the round, the error only says so: no ref was moved after the promotion.
        if followed.is_err() && matches!(self.store.is_still_replica(), Ok(false)) {
            return RoundResult::Promoted;
        }
        let mut progress = self.progress();
        match followed {
            Ok(()) => {
                if progress.failures > 0 {
                    tracing::info!(primary = %self.reader.primary.url, "following the primary again");
                }
                progress.last_equal = Some(start);
                progress.failures = 0;
                progress.error = None;
                RoundResult::Equal
            }
            Err(error) => {
                let error = chain(&error);
                if progress.failures == 0 {
                    tracing::warn!(primary = %self.reader.primary.url, error, "cannot follow the primary; retrying");
                }
                let delay = (DELAY_FIRST * (1 << progress.failures.min(16))).min(DELAY_MAX);
                progress.failures = progress.failures.saturating_add(1);
                progress.error = Some(error);
                RoundResult::Failed(delay)
            }
        }
    }

    fn follow(&self) -> Result<()> {
        let (refs, unasked) = self.refs_to_follow()?;
        let primary = &self.reader.primary;
        let url = primary.url.git();
        let header = primary.header();
        let from = primary.followed(&url, header.as_deref());
        let fetch = |ids: &[ObjectId]| {
            let fetched = self.reader.git.fetch_objects(&from, ids);
            fetched.map_err(Error::git_remote(&url))
        };
        let skipped = self.store.sync_refs(&refs, fetch)?;
        self.record_skipped(skipped);
        if let Some(error) = unasked {
            return Err(error);
        }
        if !self.store.was_in_sync_with(&primary.url) {
            self.store.record_in_sync_with(&primary.url)?;
        }
        Ok(())
    }

    /// Returns the primary's refs, without the refs that this store has already rejected with the same id. If the request for the primary's
    /// broken refs failed, also returns that error. In that case, the current attempt to become equal to the primary deletes no refs, and
    /// it fails at its end.
    fn refs_to_follow(&self) -> Result<(RemoteRefs, Option<Error>)> {
        let local = self.store.refs_to_lose()?;
        let (mut refs, report) = self.reader.refs(local.clone())?;
        let unasked = self.record_report(report, &local);
        let mut progress = self.progress();
        let skipped = &mut progress.skipped;
        skipped.retain(|(name, id)| refs.refs.get(name) == Some(id));
        for (name, _) in skipped.iter() {
            refs.refs.remove(name);
        }
        Ok((refs, unasked))
    }

    /// Logs the refs that this store keeps because they are broken on the primary, each of them once. Returns the error if the request for
    /// the primary's broken refs failed.
    fn record_report(&self, report: BrokenReport, local: &BTreeSet<RefName>) -> Option<Error> {
        let mut progress = self.progress();
        let primary = &self.reader.primary.url;
        let mut kept = match report {
            BrokenReport::NotNeeded => BTreeMap::new(),
            BrokenReport::Broken(broken) => broken,
            BrokenReport::Unsupported => {
                if !std::mem::replace(&mut progress.is_unsupported_logged, true) {
                    tracing::warn!(%primary, "the primary does not report broken refs: a ref that is broken there is deleted here");
                }
                BTreeMap::new()
            }
            BrokenReport::Failed(error) => return Some(error),
        };
        kept.retain(|name, _| match RefName::parse(name) {
            Ok(name) => local.contains(&name),
            Err(_) => !name.starts_with("refs/"),
        });
        for (name, reason) in &kept {
            if progress.kept.get(name) != Some(reason) {
                tracing::warn!(%primary, name, reason, "keeping a ref that is broken on the primary");
            }
        }
        progress.kept = kept;
        None
    }

    fn record_skipped(&self, skipped: Vec<SkippedRef>) {
        for SkippedRef { name, id, refusal } in skipped {
            tracing::warn!(%name, %id, %refusal, "skipping a ref of the primary");
            self.progress().skipped.insert((name, id));
        }
    }

    fn progress(&self) -> MutexGuard<'_, FollowProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
