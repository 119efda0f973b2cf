//! The state that all handlers share.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::FromRef;
use metrics::counter;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::budget::{ByteBudget, Charge};
use crate::config::ServerLimits;
use crate::http::blocking::{acquire, resume_panic, run_blocking};
use crate::http::commit_header::CommitHeader;
use crate::http::error::{Failure, Result};
use crate::http::git_permits::GitPermits;
use crate::http::metrics::{COMMITS, GaugeGuard, Metrics, QUEUE_DEPTH};
use crate::http::module::encodings::{Coding, EncodingCache};
use crate::http::module::in_flight::InFlight;
use crate::http::options::ServerOptions;
use crate::http::upload::quota::{UploadQuota, UploadReservation};
use crate::http::watch::WatchRegistry;
use crate::names::{BranchName, ModuleHash};
use crate::remote::{GitHttpBackend, Mirrors, Replica};
use crate::store::{Module, Published, Revision, Statistics, Store};

/// For how long the object counts of `/metrics` are reused, because counting reads directories.
const STATISTICS_AGE_MAX: Duration = Duration::from_secs(10);

/// The store and the state that all requests to one server share. Clones are handles to the same state.
#[derive(Clone)]
pub(super) struct App(Arc<Shared>);

/// The fields of [`App`], which dereferences to them.
pub(super) struct Shared {
    pub store: Arc<Store>,
    pub limits: ServerLimits,
    /// One permit per request that reads the store.
    read_permits: Arc<Semaphore>,
    /// One permit per core, for reads that take much CPU time.
    long_read_permits: Arc<Semaphore>,
    /// One permit per request that writes. Separate from `read_permits` because writers may wait for each other.
    write_permits: Arc<Semaphore>,
    /// The runtime whose threads run writes, if it is not that of the reads.
    write_threads: Option<Handle>,
    /// The memory for everything that is held for clients.
    pub memory: ByteBudget,
    /// The modules that are being sent.
    pub sent_modules: InFlight<ModuleHash, Module>,
    /// The compressed variants that are being sent.
    pub sent_variants: InFlight<(ModuleHash, Coding), Bytes>,
    /// The compressed variants of modules.
    pub encodings: EncodingCache,
    upload_quota: UploadQuota,
    /// The git program that serves fetches and pushes, if it is installed.
    pub git: Option<GitHttpBackend>,
    /// One permit per running git process.
    pub git_permits: GitPermits,
    /// Whether keys are set. Shared caches must not store responses then.
    pub is_private: bool,
    /// Is cancelled when the server begins to shut down.
    pub shutdown: CancellationToken,
    /// Is cancelled when the server still serves, but will soon stop.
    pub draining: CancellationToken,
    /// Returns how many lines of the log were dropped.
    pub dropped_log_lines: Option<fn() -> u64>,
    /// The watched branches.
    pub watch_registry: Arc<WatchRegistry>,
    /// The mirrors whose state `/metrics` reports.
    pub mirrors: Option<Arc<Mirrors>>,
    /// On a replica, the replication that updates the store.
    pub replica: Option<Arc<Replica>>,
    /// The OpenAPI description of the API as JSON.
    pub openapi: Bytes,
    metrics: Metrics,
    statistics: Mutex<Option<(Instant, Statistics)>>,
    /// Replaces the store's default branch in this process until a request sets the default branch.
    default_branch: RwLock<Option<BranchName>>,
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// Creates the state of a server.
    pub fn new(
        store: Arc<Store>,
        options: ServerOptions,
        is_private: bool,
        openapi: Bytes,
        shutdown: CancellationToken,
    ) -> Self {
        let limits = options.limits;
        Self(Arc::new(Shared {
            read_permits: Arc::new(Semaphore::new(limits.requests_max)),
            long_read_permits: Arc::new(Semaphore::new(cores())),
            write_permits: Arc::new(Semaphore::new(limits.requests_max)),
            write_threads: options.write_threads,
            sent_modules: InFlight::default(),
            sent_variants: InFlight::default(),
            memory: options.memory,
            encodings: EncodingCache::new(&limits),
            upload_quota: UploadQuota::new(&limits),
            git: options.git,
            git_permits: GitPermits::new(limits.git_services_max),
            default_branch: RwLock::new(options.default_branch),
            watch_registry: WatchRegistry::new(Arc::clone(&store), &limits, shutdown.clone()),
            store,
            limits,
            is_private,
            shutdown,
            draining: options.draining,
            dropped_log_lines: options.dropped_log_lines,
            mirrors: options.mirrors,
            replica: options.replica.map(|(replica, _)| replica),
            openapi,
            metrics: Metrics::install(),
            statistics: Mutex::default(),
        }))
    }

    /// Reads from the store on the calling thread. For reads from memory only, except for the few bytes of a ref: they take less
    /// time than the switch to a blocking thread.
    pub fn run_inline<T>(&self, read: impl FnOnce(&Store) -> T) -> T {
        read(&self.store)
    }

    /// Runs `read` on a blocking thread once a permit is available.
    ///
    /// # Errors
    /// 503 if no permit becomes available in time; the error of `read`.
    pub async fn run_read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.acquire(&self.read_permits).await?;
        let result = run_blocking(&self.store, permit, &Handle::current(), read).await;
        result.unwrap_or_else(resume_panic)
    }

    /// Runs `read` like [`run_read`](Self::run_read), but no more of them at a time than there are cores. With a thread for each, many of
    /// them would take the CPU time from the threads that serve all connections.
    ///
    /// # Errors
    /// As for [`run_read`](Self::run_read).
    pub async fn run_long_read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.acquire(&self.long_read_permits).await?;
        let long_read = move |store: &Store| {
            let _permit = permit;
            read(store)
        };
        self.run_read(long_read).await
    }

    /// Runs `write` on a blocking thread once a permit is available. Once started, it runs to completion even if the client
    /// disconnects.
    ///
    /// # Errors
    /// 503 if no permit becomes available in time; the error of `write`.
    pub async fn run_write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let threads = self.write_threads.clone().unwrap_or_else(Handle::current);
        let permit = self.acquire(&self.write_permits).await?;
        let result = run_blocking(&self.store, permit, &threads, write).await;
        result.unwrap_or_else(resume_panic)
    }

    /// Runs a write that may make a commit, and counts the commit. Returns the response header for it and the result.
    ///
    /// # Errors
    /// As for [`run_write`](Self::run_write).
    pub async fn publish<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Store) -> Result<Published<T>> + Send + 'static,
    ) -> Result<(CommitHeader, T)> {
        let published = self.run_write(write).await?;
        if published.has_moved {
            counter!(COMMITS).increment(1);
        }
        Ok((CommitHeader(published.commit), published.value))
    }

    /// Acquires a permit.
    ///
    /// # Errors
    /// 503 if no permit becomes available in time.
    pub async fn acquire(&self, permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
        acquire(permits, self.limits.request_wait).await
    }

    /// Waits until it can charge this number of bytes, or the largest possible charge if that is less. The caller must hold neither another
    /// charge nor a permit.
    ///
    /// # Errors
    /// 503 if the memory does not become available in time.
    pub async fn charge(&self, bytes: u64) -> Result<Charge> {
        let bytes = bytes.min(self.memory.largest());
        if let Ok(charge) = self.memory.try_charge(bytes) {
            return Ok(charge);
        }
        let _queued = GaugeGuard::increment(QUEUE_DEPTH);
        match timeout(self.limits.request_wait, self.memory.wait(bytes)).await {
            Ok(charge) => Ok(charge?),
            Err(_) => Err(Failure::busy()),
        }
    }

    /// Returns the branch for a request that names `requested`. `None` is the store's default branch.
    pub fn branch(&self, requested: Option<BranchName>) -> Option<BranchName> {
        let default_branch = || {
            let default_branch = self.default_branch.read();
            default_branch
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        };
        requested.or_else(default_branch)
    }

    /// Returns the revision that a request reads if it names neither a branch nor a commit.
    pub fn default_revision(&self) -> Revision {
        Revision::Branch(self.branch(None))
    }

    /// Returns the name of the default branch.
    pub async fn default_branch(&self) -> Result<BranchName> {
        match self.branch(None) {
            Some(branch) => Ok(branch),
            None => self.run_read(|store| Ok(store.default_branch()?)).await,
        }
    }

    /// Makes this process use the store's default branch again, after a request has set it.
    pub fn reset_default_branch(&self) {
        *self
            .default_branch
            .write()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns an empty reservation of the space that all uploads share.
    pub fn reserve_upload(&self) -> UploadReservation {
        self.upload_quota.reserve()
    }

    /// Returns the size limit for modules, in bytes.
    pub fn module_bytes_max(&self) -> u64 {
        self.run_inline(|store| store.options().modules.module_bytes_max)
    }

    /// Returns the store's object counts, at most [`STATISTICS_AGE_MAX`] old.
    pub async fn statistics(&self) -> Result<Statistics> {
        // The lock is held while counting, so that concurrent requests count once.
        let mut cached = self.statistics.lock().await;
        match &*cached {
            Some((time, statistics)) if time.elapsed() < STATISTICS_AGE_MAX => Ok(*statistics),
            _ => {
                let statistics = self.run_read(|store| Ok(store.statistics()?)).await?;
                *cached = Some((Instant::now(), statistics));
                Ok(statistics)
            }
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl FromRef<App> for Metrics {
    fn from_ref(app: &App) -> Self {
        app.metrics.clone()
    }
}
