//! The part `reads`: `GET`s at a fixed rate, idle and beside pushes, by turns.

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

/// How many different modules are got.
const GOT: u64 = 10_000;

impl Run<'_> {
    /// Measures reads, beside `rate` POSTs a second.
    pub async fn reads(&self, rate: f64) -> Result<()> {
        let (mut idle, mut beside, mut posts) = (Vec::new(), Vec::new(), Vec::new());
        let stored = self.stored.load(Ordering::Relaxed).min(GOT);
        disk::settle().await?;
        for round in 0..self.options.rounds {
            idle.push(self.get(round, stored).await?);
            let (measured, latencies) = self.beside_posts(rate, self.get(round, stored)).await?;
            beside.push(latencies);
            posts.extend(measured.latencies);
        }
        let gets = self.options.get_rate;
        println!("\nGET at {gets}/s of {stored} modules, p50 / p99 / max ms:");
        let idle = tell("idle", &idle);
        let beside = tell(&format!("beside {rate:.0} POST/s"), &beside);
        let ratio = beside.as_secs_f64() / idle.as_secs_f64();
        println!("  ratio of the median p99s: {ratio:.2} (goal: below 3)");
        println!("  those POSTs: {}", spread(&posts));
        Ok(())
    }

    /// Gets modules for a time, in a thread of its own so that it does not wait for the load generator.
    async fn get(&self, seed: usize, stored: u64) -> Result<Vec<Duration>> {
        let store = Arc::clone(&self.store);
        let (time, rate) = (self.options.seconds, self.options.get_rate);
        let got = tokio::task::spawn_blocking(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build()?.block_on(async {
                let mut connection = Connection::open(store.server.address).await?;
                let mut random = Random(seed as u64);
                let began = Instant::now();
                let mut pace = Pace::new(began, Duration::from_secs_f64(1.0 / rate));
                let mut latencies = Vec::new();
                while began.elapsed() < time {
                    let due = pace.wait().await;
                    let n = random.next() % stored;
                    store.get(&mut connection, n).await?;
                    latencies.push(due.elapsed());
                }
                Ok(latencies)
            })
        });
        got.await?
    }
}

/// Prints what some rounds came to; the median of their p99s.
fn tell(what: &str, rounds: &[Vec<Duration>]) -> Duration {
    let p99s: Vec<_> = rounds.iter().map(|round| percentile(round, 0.99)).collect();
    let each: Vec<_> = p99s.iter().map(|p99| ms(*p99)).collect();
    let all = spread(&rounds.concat());
    println!("  {what}: {all} (p99 of the rounds: {})", each.join(", "));
    percentile(&p99s, 0.5)
}
