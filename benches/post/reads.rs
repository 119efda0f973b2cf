//! The part `reads`: `GET`s at a fixed rate, alternately without other load and during pushes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::Result;
use crate::disk;
use crate::http::Connection;
use crate::load::Pace;
use crate::modules::Random;
use crate::report::{ms, percentile, spread};
use crate::run::Run;

/// The maximum number of distinct modules that are requested.
const MODULES_MAX: u64 = 10_000;

impl Run<'_> {
    /// Measures reads, without other load and during `rate` POSTs per second.
    pub async fn reads(&self, rate: f64) -> Result<()> {
        let (mut idle, mut during_posts, mut posts) = (Vec::new(), Vec::new(), Vec::new());
        let stored = self.stored.load(Ordering::Relaxed).min(MODULES_MAX);
        disk::sync().await?;
        for round in 0..self.options.rounds {
            idle.push(self.get(round, stored).await?);
            let (measured, latencies) = self.with_posts(rate, self.get(round, stored)).await?;
            during_posts.push(latencies);
            posts.extend(measured.latencies);
        }
        let gets = self.options.get_rate;
        println!("\nGET at {gets}/s of {stored} modules, p50 / p99 / max ms:");
        let idle_p99 = print("idle", &idle);
        let loaded_p99 = print(&format!("during {rate:.0} POST/s"), &during_posts);
        let ratio = loaded_p99.as_secs_f64() / idle_p99.as_secs_f64();
        println!("  ratio of the median p99s: {ratio:.2} (goal: below 3)");
        println!("  those POSTs: {}", spread(&posts));
        Ok(())
    }

    /// Requests modules for some time, in a separate thread so that it does not wait for the load generator.
    async fn get(&self, seed: usize, stored: u64) -> Result<Vec<Duration>> {
        let store = Arc::clone(&self.store);
        let (time, rate) = (self.options.seconds, self.options.get_rate);
        let reader = tokio::task::spawn_blocking(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build()?.block_on(async {
                let mut connection = Connection::open(store.server.address).await?;
                let mut random = Random(seed as u64);
                let start = Instant::now();
                let mut pace = Pace::new(start, Duration::from_secs_f64(1.0 / rate));
                let mut latencies = Vec::new();
                while start.elapsed() < time {
                    let due = pace.wait().await;
                    let n = random.next() % stored;
                    store.get(&mut connection, n).await?;
                    latencies.push(due.elapsed());
                }
                Ok(latencies)
            })
        });
        reader.await?
    }
}

/// Prints the latencies of some rounds. Returns the median of their p99s.
fn print(load: &str, rounds: &[Vec<Duration>]) -> Duration {
    let p99s: Vec<_> = rounds.iter().map(|round| percentile(round, 0.99)).collect();
    let each: Vec<_> = p99s.iter().map(|p99| ms(*p99)).collect();
    let all = spread(&rounds.concat());
    println!("  {load}: {all} (p99 of the rounds: {})", each.join(", "));
    percentile(&p99s, 0.5)
}
