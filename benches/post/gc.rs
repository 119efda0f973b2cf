//! The part `gc`: paced pushes, first without and then during a gc.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::Result;
use crate::disk;
use crate::report::spread;
use crate::run::Run;
use crate::store::Store;

impl Run<'_> {
    /// Measures `rate` POSTs per second.
    pub async fn gc(&self, rate: f64) -> Result<()> {
        let time = self.options.seconds;
        disk::sync().await?;
        let pack_watch = PackWatch::start(&self.store);
        let (without_gc, ()) = self
            .with_posts(rate, async {
                sleep(time).await;
                Ok(())
            })
            .await?;
        let decreases = pack_watch.stop().await?;
        println!("\nPOST at {rate:.0}/s, p50 / p99 / max ms:");
        let latencies = spread(&without_gc.latencies);
        println!("  without gc: {latencies}; the number of packs decreased {decreases} times");

        let pack_watch = PackWatch::start(&self.store);
        let modules = self.stored.load(Ordering::Relaxed);
        let (during_gc, (elapsed, summary)) = self
            .with_posts(rate, async {
                sleep(time / 4).await;
                let start = Instant::now();
                let summary = self.store.gc().await?;
                let elapsed = start.elapsed();
                sleep(time / 4).await;
                Ok((elapsed, summary))
            })
            .await?;
        let decreases = pack_watch.stop().await?;
        let latencies = spread(&during_gc.latencies);
        println!("  during gc?keep_history=true: {latencies}; it decreased {decreases} times");
        let seconds = elapsed.as_secs_f64();
        println!("  gc of {modules} modules took {seconds:.1} s and returned {summary}");
        Ok(())
    }
}

/// Counts how often the number of packs decreases.
struct PackWatch {
    is_stopped: Arc<AtomicBool>,
    counting: JoinHandle<u64>,
}

impl PackWatch {
    fn start(store: &Arc<Store>) -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (stopped, store) = (Arc::clone(&is_stopped), Arc::clone(store));
        let counting = tokio::spawn(async move {
            let (mut decreases, mut last) = (0, store.packs());
            while !stopped.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(20)).await;
                let now = store.packs();
                decreases += u64::from(now < last);
                last = now;
            }
            decreases
        });
        Self {
            is_stopped,
            counting,
        }
    }

    async fn stop(self) -> Result<u64> {
        self.is_stopped.store(true, Ordering::Relaxed);
        Ok(self.counting.await?)
    }
}
