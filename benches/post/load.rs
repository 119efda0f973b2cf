//! The load generator: pushes modules as fast as the server responds, or at a fixed rate.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::Result;
use crate::http::Connection;
use crate::modules::ModuleMaker;
use crate::registry::Registry;
use crate::servers::Server;
use crate::store::Store;

/// The time limit of one push.
const PUSH_MAX: Duration = Duration::from_secs(120);

/// The server that receives the pushes.
#[derive(Clone)]
pub enum Target {
    Store(Arc<Store>),
    Registry(Arc<Registry>),
}

/// The result of a measurement.
#[derive(Default)]
pub struct Measured {
    pub latencies: Vec<Duration>,
    /// From the first push to the last response.
    pub elapsed: Duration,
    /// The CPU time that the server used.
    pub cpu: Duration,
}

impl Target {
    pub fn server(&self) -> &Server {
        match self {
            Self::Store(store) => &store.server,
            Self::Registry(registry) => &registry.server,
        }
    }

    async fn push(&self, connection: &mut Connection, n: u64, module: Bytes) -> Result<()> {
        let pushed = async {
            match self {
                Self::Store(store) => store.push(connection, n, module).await,
                Self::Registry(registry) => registry.push(connection, n, module).await,
            }
        };
        timeout(PUSH_MAX, pushed).await?
    }
}

/// Pushes modules with distinct numbers.
pub struct Load {
    pub target: Target,
    pub maker: ModuleMaker,
    /// The next unused number, shared by all loads on this target.
    pub count: Arc<AtomicU64>,
}

impl Load {
    /// Pushes over `connections` connections for `time`. Each connection sends its next push after the response to the last one.
    pub async fn closed_loop(
        self: &Arc<Self>,
        connections: usize,
        time: Duration,
    ) -> Result<Measured> {
        let start = Instant::now();
        self.on_connections(connections, move |load, mut connection, _| async move {
            let mut latencies = Vec::new();
            while start.elapsed() < time {
                let (n, module) = load.next();
                let sent = Instant::now();
                load.target.push(&mut connection, n, module).await?;
                latencies.push(sent.elapsed());
            }
            Ok(latencies)
        })
        .await
    }

    /// Pushes `count` modules.
    pub async fn fixed_count(self: &Arc<Self>, connections: usize, count: u64) -> Result<Measured> {
        let left = Arc::new(AtomicU64::new(count));
        self.on_connections(connections, move |load, mut connection, _| {
            let left = Arc::clone(&left);
            async move {
                let take = || {
                    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                };
                while take().is_ok() {
                    let (n, module) = load.next();
                    load.target.push(&mut connection, n, module).await?;
                }
                Ok(Vec::new())
            }
        })
        .await
    }

    /// Pushes `rate` modules per second over `connections` connections, until `is_over` returns true.
    pub async fn paced(
        self: &Arc<Self>,
        connections: usize,
        rate: f64,
        is_over: impl Fn() -> bool + Clone + Send + 'static,
    ) -> Result<Measured> {
        let interval = Duration::from_secs_f64(connections as f64 / rate);
        let start = Instant::now();
        self.on_connections(connections, move |load, mut connection, nth| {
            let is_over = is_over.clone();
            async move {
                let first = start + interval.mul_f64(nth as f64 / connections as f64);
                let mut pace = Pace::new(first, interval);
                let mut latencies = Vec::new();
                while !is_over() {
                    let due = pace.wait().await;
                    let (n, module) = load.next();
                    load.target.push(&mut connection, n, module).await?;
                    latencies.push(due.elapsed());
                }
                Ok(latencies)
            }
        })
        .await
    }

    fn next(&self) -> (u64, Bytes) {
        let n = self.count.fetch_add(1, Ordering::Relaxed);
        (n, self.maker.make(n))
    }

    /// Opens `connections` connections and runs `work` on each of them concurrently.
    async fn on_connections<F>(
        self: &Arc<Self>,
        connections: usize,
        work: impl Fn(Arc<Self>, Connection, usize) -> F,
    ) -> Result<Measured>
    where
        F: Future<Output = Result<Vec<Duration>>> + Send + 'static,
    {
        let server = self.target.server();
        let (start, cpu_before) = (Instant::now(), server.cpu());
        let mut tasks = JoinSet::new();
        for nth in 0..connections {
            let connection = Connection::open(server.address).await?;
            tasks.spawn(work(Arc::clone(self), connection, nth));
        }
        let mut measured = Measured::default();
        while let Some(latencies) = tasks.join_next().await {
            measured.latencies.extend(latencies??);
        }
        measured.elapsed = start.elapsed();
        measured.cpu = server.cpu() - cpu_before;
        Ok(measured)
    }
}

/// Due times at a fixed interval.
pub struct Pace {
    due: Instant,
    interval: Duration,
}

impl Pace {
    pub fn new(due: Instant, interval: Duration) -> Self {
        Self { due, interval }
    }

    /// Waits until the next due time, and returns the start of the latency of the next request. If the due time has already passed,
    /// because the previous request took long, this is the due time; else it is now, so that the delay of the timer does not count.
    pub async fn wait(&mut self) -> Instant {
        let due = self.due;
        self.due += self.interval;
        if Instant::now() >= due {
            return due;
        }
        sleep_until(due.into()).await;
        Instant::now()
    }
}

impl Measured {
    /// Returns the pushes per second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }
}
