//! The part `gc`: paced pushes, without and then beside a collection.

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
    /// Measures `rate` POSTs a second.
    pub async fn gc(&self, rate: f64) -> Result<()> {
        let time = self.options.seconds;
        disk::settle().await?;
        let packs = PackWatch::start(&self.store);
        let (alone, ()) = self
            .beside_posts(rate, async {
                sleep(time).await;
                Ok(())
            })
            .await?;
        let falls = packs.stop().await?;
        println!("\nPOST at {rate:.0}/s, p50 / p99 / max ms:");
        let latencies = spread(&alone.latencies);
        println!("  without gc: {latencies}; the number of packs fell {falls} times");

        let packs = PackWatch::start(&self.store);
        let modules = self.stored.load(Ordering::Relaxed);
        let (during, (took, said)) = self
            .beside_posts(rate, async {
                sleep(time / 4).await;
                let began = Instant::now();
                let said = self.store.gc().await?;
                let took = began.elapsed();
                sleep(time / 4).await;
                Ok((took, said))
            })
            .await?;
        let falls = packs.stop().await?;
        let latencies = spread(&during.latencies);
        println!("  beside gc?keep_history=true: {latencies}; it fell {falls} times");
        let took = took.as_secs_f64();
        println!("  gc of {modules} modules took {took:.1} s and said {said}");
        Ok(())
    }
}

/// Counts how often the number of packs falls.
struct PackWatch {
    is_over: Arc<AtomicBool>,
    counting: JoinHandle<u64>,
}

impl PackWatch {
    fn start(store: &Arc<Store>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, store) = (Arc::clone(&is_over), Arc::clone(store));
        let counting = tokio::spawn(async move {
            let (mut falls, mut last) = (0, store.packs());
            while !over.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(20)).await;
                let now = store.packs();
                falls += u64::from(now < last);
                last = now;
            }
            falls
        });
        Self { is_over, counting }
    }

    async fn stop(self) -> Result<u64> {
        self.is_over.store(true, Ordering::Relaxed);
        Ok(self.counting.await?)
    }
}
