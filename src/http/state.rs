//! What every handler has at hand.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::FromRef;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::ServerLimits;
use crate::http::error::Result;
use crate::http::metrics::Metrics;
use crate::http::module::encodings::Forms;
use crate::http::module::send_budget::Large;
use crate::http::router::Serving;
use crate::http::upload::quota::Share;
use crate::http::watch::WatchRegistry;
use crate::names::BranchName;
use crate::remote::{GitHttpBackend, Mirrors, Replica};
use crate::store::{Revision, Statistics, Store};

/// How long a count of the objects stands for the next ones.
const STATISTICS_AGE_MAX: Duration = Duration::from_secs(10);

/// The store, and what the requests to it share.
#[derive(Clone)]
pub(super) struct App(Arc<Shared>);

/// What the requests to one server share.
pub(super) struct Shared {
    pub store: Arc<Store>,
    pub limits: ServerLimits,
    /// A request that reads the store holds one of these.
    pub reading: Arc<Semaphore>,
    /// A request that changes it holds one of these: changes may wait for one another, and reads do not wait for them.
    pub changing: Arc<Semaphore>,
    /// The threads on which changes are made, if they have their own.
    pub changes: Option<Handle>,
    /// A large body that is being sent holds one of these for each KiB.
    pub large_bodies: Arc<Semaphore>,
    pub large: Large,
    pub forms: Forms,
    /// An upload that is spooled holds one of these for each KiB.
    spool: Arc<Semaphore>,
    /// The git that serves fetches and pushes; `None` where there is none.
    pub git: Option<GitHttpBackend>,
    /// A git that runs holds one of these.
    pub git_services: Arc<Semaphore>,
    /// Whether keys are set: answers are not for shared caches then.
    pub is_private: bool,
    /// Cancelled when the server is to stop.
    pub closing: CancellationToken,
    /// The watched branches.
    pub watch_registry: Arc<WatchRegistry>,
    /// The mirrors to tell of.
    pub mirrors: Option<Arc<Mirrors>>,
    /// What follows another store, if this one does.
    pub replica: Option<Arc<Replica>>,
    metrics: Metrics,
    statistics: Mutex<Option<(Instant, Statistics)>>,
    /// What stands for the default branch in this process, until somebody changes the default branch.
    branch: RwLock<Option<BranchName>>,
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// The state of a server.
    pub fn new(
        store: Arc<Store>,
        serving: Serving,
        is_private: bool,
        closing: CancellationToken,
    ) -> Self {
        let limits = serving.limits;
        Self(Arc::new(Shared {
            reading: Arc::new(Semaphore::new(limits.requests_max)),
            changing: Arc::new(Semaphore::new(limits.requests_max)),
            changes: serving.changes,
            large_bodies: Arc::new(Semaphore::new(kib(limits.sending_bytes_max))),
            large: Large::default(),
            forms: Forms::new(&limits),
            spool: Arc::new(Semaphore::new(kib(limits.spool_bytes_max))),
            git: serving.git,
            git_services: Arc::new(Semaphore::new(limits.git_services_max)),
            branch: RwLock::new(serving.branch),
            watch_registry: WatchRegistry::new(Arc::clone(&store), &limits, closing.clone()),
            store,
            limits,
            is_private,
            closing,
            mirrors: serving.mirrors,
            replica: serving.replica.map(|(replica, _)| replica),
            metrics: Metrics::install(),
            statistics: Mutex::default(),
        }))
    }

    /// The branch that a request works on; `None` is the store's default one.
    pub fn branch(&self, named: Option<BranchName>) -> Option<BranchName> {
        let branch = || {
            self.branch
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        };
        named.or_else(branch)
    }

    /// What a request reads that names neither a branch nor a commit.
    pub fn at_default(&self) -> Revision {
        Revision::Branch(self.branch(None))
    }

    /// A share of the room for uploads.
    pub fn share(&self) -> Share {
        Share::of(Arc::clone(&self.spool))
    }

    /// The largest module that is taken in, in bytes.
    pub fn module_bytes_max(&self) -> u64 {
        self.at_once(|store| store.options().modules.module_bytes_max)
    }

    /// The default branch's name.
    pub async fn default_branch(&self) -> Result<BranchName> {
        match self.branch(None) {
            Some(branch) => Ok(branch),
            None => self.run(|store| Ok(store.default_branch()?)).await,
        }
    }

    /// How full the store is, or was a moment ago.
    pub async fn statistics(&self) -> Result<Statistics> {
        let mut known = self.statistics.lock().await;
        match &*known {
            Some((when, statistics)) if when.elapsed() < STATISTICS_AGE_MAX => Ok(*statistics),
            _ => {
                let statistics = self.run(|store| Ok(store.statistics()?)).await?;
                *known = Some((Instant::now(), statistics));
                Ok(statistics)
            }
        }
    }

    /// From now on the store's default branch is this process's.
    pub fn forget_branch(&self) {
        *self.branch.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Permits for so many bytes.
fn kib(bytes: u64) -> usize {
    usize::try_from(bytes >> 10).map_or(Semaphore::MAX_PERMITS, |kib| {
        kib.min(Semaphore::MAX_PERMITS)
    })
}

impl FromRef<App> for Metrics {
    fn from_ref(app: &App) -> Self {
        app.metrics.clone()
    }
}
