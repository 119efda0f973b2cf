//! The state that all handlers share.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::FromRef;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::budget::ByteBudget;
use crate::config::ServerLimits;
use crate::http::base_path::BasePath;
use crate::http::error::Result;
use crate::http::git_permits::GitPermits;
use crate::http::metrics::Metrics;
use crate::http::middleware::auth::AccessCheck;
use crate::http::middleware::session::Sessions;
use crate::http::module::encodings::{Coding, EncodingCache};
use crate::http::module::in_flight::InFlight;
use crate::http::options::ServerOptions;
use crate::http::peers::BucketServers;
use crate::http::preview_cache::PreviewCache;
use crate::http::upload::completed::CompletedUploads;
use crate::http::upload::quota::{UploadQuota, UploadReservation};
use crate::http::watch::WatchRegistry;
use crate::names::{BranchName, ModuleHash};
use crate::oci::Registry;
use crate::remote::{GitHttpBackend, Mirrors, Replica};
use crate::store::{Module, Revision, Statistics, Store};

/// How old the object counts in `/metrics` may be. Counting is slow because it reads directories.
const STATISTICS_AGE_MAX: Duration = Duration::from_secs(10);

/// The store and the state that all requests to one server share. Clones are handles to the same state.
#[derive(Clone)]
pub(super) struct App(Arc<Shared>);

/// The fields of [`App`], which dereferences to them.
pub(super) struct Shared {
    pub store: Arc<Store>,
    pub limits: ServerLimits,
    /// The permits for requests that read the store. Each such request holds one.
    pub read_permits: Arc<Semaphore>,
    /// The permits for reads that take much CPU time, one per core.
    pub long_read_permits: Arc<Semaphore>,
    /// A long list is read and sent in pieces. These are the permits for reading all pieces except the first piece of each list. There is
    /// one permit per core. A piece acquires one of these permits before one of `long_read_permits`, so that a new request that waits for
    /// one of `long_read_permits` has only a few pieces ahead of it in the queue.
    pub later_piece_permits: Arc<Semaphore>,
    /// The permits for requests that write. Each such request holds one permit. These permits are separate from `read_permits`, so that
    /// writes that wait for each other do not block reads.
    pub write_permits: Arc<Semaphore>,
    /// The tokio runtime whose blocking threads run writes; `None` if reads and writes run on the same threads.
    pub write_threads: Option<Handle>,
    /// The memory budget to which the memory of requests and responses is charged.
    pub memory: ByteBudget,
    /// The modules that are being sent to clients.
    pub sent_modules: InFlight<ModuleHash, Module>,
    /// The compressed variants of modules that are being sent to clients.
    pub sent_variants: InFlight<(ModuleHash, Coding), Bytes>,
    /// The cache of compressed variants of modules.
    pub encodings: EncodingCache,
    upload_quota: UploadQuota,
    /// The most recently completed uploads in chunks.
    pub completed_uploads: CompletedUploads,
    /// The git program that serves fetches and pushes; `None` if it is not installed.
    pub git: Option<GitHttpBackend>,
    /// The permits for git processes. Each running process holds one.
    pub git_permits: GitPermits,
    /// Whether the server has API keys. If so, shared caches must not store its responses.
    pub is_private: bool,
    /// The API keys and web UI sessions, for the forms with which browsers sign in and out.
    pub access: AccessCheck,
    /// The descriptions of uploaded modules that are not committed yet.
    pub previews: PreviewCache,
    /// The sessions of the web UI.
    pub sessions: Sessions,
    /// A token that is cancelled when the server begins to shut down.
    pub shutdown: CancellationToken,
    /// A token that is cancelled when the server will soon stop but still serves.
    pub draining: CancellationToken,
    /// A function that returns how many log lines were dropped instead of written.
    pub dropped_log_lines: Option<fn() -> u64>,
    /// The branches that clients watch.
    pub watch_registry: Arc<WatchRegistry>,
    /// The mirrors whose state `/metrics` reports.
    pub mirrors: Option<Arc<Mirrors>>,
    /// On a server that was started as a replica: the replication that updates the store, until the replica is promoted.
    pub replica: Option<Arc<Replica>>,
    /// On a server that shares its store with other servers in a bucket: the bucket and the other servers.
    pub bucket: Option<Arc<BucketServers>>,
    /// The OCI registry of the store, with its caches.
    pub registry: Registry,
    /// The path below which the server answers, for URLs in responses.
    pub base_path: BasePath,
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
    /// Creates the state of a server from its options.
    pub fn new(
        store: Arc<Store>,
        options: ServerOptions,
        access: AccessCheck,
        openapi: Bytes,
        shutdown: CancellationToken,
    ) -> Self {
        let limits = options.limits;
        store.set_registry_branch(options.default_branch.clone());
        Self(Arc::new(Shared {
            read_permits: Arc::new(Semaphore::new(limits.requests_max)),
            long_read_permits: Arc::new(Semaphore::new(cores())),
            later_piece_permits: Arc::new(Semaphore::new(cores())),
            write_permits: Arc::new(Semaphore::new(limits.requests_max)),
            write_threads: options.write_threads,
            sent_modules: InFlight::default(),
            sent_variants: InFlight::default(),
            memory: options.memory,
            encodings: EncodingCache::new(&limits),
            upload_quota: UploadQuota::new(&limits),
            completed_uploads: CompletedUploads::default(),
            git: options.git,
            git_permits: GitPermits::new(limits.git_services_max),
            default_branch: RwLock::new(options.default_branch),
            watch_registry: WatchRegistry::new(Arc::clone(&store), &limits, shutdown.clone()),
            store,
            limits,
            is_private: access.keys.is_some(),
            sessions: match &access.web_sessions {
                Some(check) => check.sessions.clone(),
                None => Sessions::new(limits.session_age_max),
            },
            access,
            previews: PreviewCache::default(),
            shutdown,
            draining: options.draining,
            dropped_log_lines: options.dropped_log_lines,
            mirrors: options.mirrors,
            replica: options.replica.map(|(replica, _)| replica),
            bucket: options
                .bucket
                .map(|follower| Arc::new(BucketServers::new(follower, options.peer_key))),
            registry: Registry::default(),
            base_path: options.base_path,
            openapi,
            metrics: Metrics::install(),
            statistics: Mutex::default(),
        }))
    }

    /// Returns the branch that a request uses: `requested` if the request names a branch, otherwise the default branch that was set for
    /// this process. `None` stands for the store's default branch.
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

    /// Makes this process use the store's default branch again. Called when a request has set the store's default branch.
    pub fn reset_default_branch(&self) {
        *self
            .default_branch
            .write()
            .unwrap_or_else(PoisonError::into_inner) = None;
        self.store.set_registry_branch(None);
    }

    /// Returns whether the store is a replica, which accepts changes only from its primary.
    pub fn is_replica(&self) -> bool {
        self.replica.is_some() && self.run_inline(|store| store.primary().is_some())
    }

    /// Returns an empty reservation for an upload. The upload enlarges it to reserve disk space from the quota that all uploads share.
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
