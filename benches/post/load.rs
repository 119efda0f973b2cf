//! Driving a server: as fast as it answers, or at a rate.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::Result;
use crate::http::Connection;
use crate::modules::Maker;
use crate::registry::Registry;
use crate::servers::Server;
use crate::store::Store;

/// How long one push may take.
const PUSH_MAX: Duration = Duration::from_secs(120);

/// Who is pushed to.
#[derive(Clone)]
pub enum Target {
    Store(Arc<Store>),
    Registry(Arc<Registry>),
}

/// What was measured.
#[derive(Default)]
pub struct Measured {
    pub latencies: Vec<Duration>,
    /// From the first push to the last answer.
    pub elapsed: Duration,
    /// What the server took of the processor meanwhile.
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

/// Pushes modules, each with a number of its own.
pub struct Load {
    pub target: Target,
    pub maker: Maker,
    /// How many numbers were used, of all loads.
    pub count: Arc<AtomicU64>,
}

impl Load {
    /// Pushes over so many connections for a time; each sends again when it is answered.
    pub async fn closed(self: &Arc<Self>, connections: usize, time: Duration) -> Result<Measured> {
        let began = Instant::now();
        self.over(connections, move |load, mut connection, _| async move {
            let mut latencies = Vec::new();
            while began.elapsed() < time {
                let (n, module) = load.next();
                let sent = Instant::now();
                load.target.push(&mut connection, n, module).await?;
                latencies.push(sent.elapsed());
            }
            Ok(latencies)
        })
        .await
    }

    /// Pushes a number of modules.
    pub async fn some(self: &Arc<Self>, connections: usize, count: u64) -> Result<Measured> {
        let left = Arc::new(AtomicU64::new(count));
        self.over(connections, move |load, mut connection, _| {
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

    /// Pushes `rate` modules a second over so many connections, until `is_over` says so.
    pub async fn paced(
        self: &Arc<Self>,
        connections: usize,
        rate: f64,
        is_over: impl Fn() -> bool + Clone + Send + 'static,
    ) -> Result<Measured> {
        let interval = Duration::from_secs_f64(connections as f64 / rate);
        let began = Instant::now();
        self.over(connections, move |load, mut connection, nth| {
            let is_over = is_over.clone();
            async move {
                let first = began + interval.mul_f64(nth as f64 / connections as f64);
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

    /// Does `work` on each of so many new connections at the same time.
    async fn over<F>(
        self: &Arc<Self>,
        connections: usize,
        work: impl Fn(Arc<Self>, Connection, usize) -> F,
    ) -> Result<Measured>
    where
        F: Future<Output = Result<Vec<Duration>>> + Send + 'static,
    {
        let server = self.target.server();
        let (began, cpu) = (Instant::now(), server.cpu());
        let mut tasks = JoinSet::new();
        for nth in 0..connections {
            let connection = Connection::open(server.address).await?;
            tasks.spawn(work(Arc::clone(self), connection, nth));
        }
        let mut measured = Measured::default();
        while let Some(done) = tasks.join_next().await {
            measured.latencies.extend(done??);
        }
        measured.elapsed = began.elapsed();
        measured.cpu = server.cpu() - cpu;
        Ok(measured)
    }
}

/// Fixed times, one after another.
pub struct Pace {
    due: Instant,
    interval: Duration,
}

impl Pace {
    pub fn new(due: Instant, interval: Duration) -> Self {
        Self { due, interval }
    }

    /// Waits for the next time, and returns since when what happens then is late: since it was due if that is past already,
    /// because what went before took long. The timer's own delay does not count.
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
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }
}
