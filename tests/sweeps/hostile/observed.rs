//! A case: a server under observation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::neighbour::Neighbour;
use crate::support::program::World;
use crate::support::server::{Response, Server};

/// The memory beyond the budget that a server may take, in MiB: the program, its threads and caches, and what the allocator keeps.
const BEYOND_BUDGET_MIB: u64 = 100;

/// The size of each of the caches, in MiB.
const CACHE_MIB: u64 = 8;

/// The memory that may stay when the hostile client has left, in MiB more than before it came.
const KEPT_MIB: u64 = 64;

/// How long the server is observed while the hostile client does nothing more.
const OBSERVED: Duration = Duration::from_secs(4);

/// How long the server may take to release the memory.
const RELEASE_MAX: Duration = Duration::from_secs(60);

/// A server that is observed while a hostile client uses it.
pub struct Case {
    title: String,
    budget_mib: u64,
    server: Server,
}

impl Case {
    /// Starts a server with a memory budget.
    pub fn start(world: &World, title: &str, budget_mib: u64) -> Self {
        let (budget, cache) = (budget_mib.to_string(), CACHE_MIB.to_string());
        let args = [
            "--memory-mib",
            &budget,
            "--cache-mib",
            &cache,
            "--compressed-mib",
            &cache,
        ];
        Self {
            title: title.to_owned(),
            budget_mib,
            // As the service and the image in deploy/ set it.
            server: Server::start_with(world, &args, &[("MALLOC_MMAP_THRESHOLD_", "131072")]),
        }
    }

    /// Uploads a module before the observation.
    pub fn post(&self, path: &str, headers: &[&str], body: &[u8]) -> Response {
        let path = format!("/api/v1/module/{path}");
        self.server.send("POST", &path, headers, body)
    }

    /// Lets the hostile client act, observes the server as long as the returned connections are open, closes them, and checks the result.
    pub fn observe<T>(self, hostile: impl FnOnce(&Server) -> T) {
        let pid = self.server.id();
        let neighbour = Neighbour::start(self.server.address);
        std::thread::sleep(Duration::from_millis(200));
        let (before, cpu_before) = (resident_mib(pid), cpu_s(pid));
        let sampler = Sampler::start(pid);
        let held = hostile(&self.server);
        std::thread::sleep(OBSERVED);
        let peak = sampler.stop();
        let cpu = cpu_s(pid) - cpu_before;
        drop(held);
        let latencies = neighbour.stop();
        let kept_max = before + KEPT_MIB;
        let start = Instant::now();
        let mut after = resident_mib(pid);
        while after > kept_max && start.elapsed() < RELEASE_MAX {
            std::thread::sleep(Duration::from_millis(50));
            after = resident_mib(pid);
        }
        println!(
            "| {} | budget {} MiB | RSS {before} -> {peak} -> {after} MiB | {cpu:.1} s CPU | p50 {:.1} ms | p99 {:.1} ms | {} requests, {} refused |",
            self.title,
            self.budget_mib,
            latencies.quantile_ms(0.5),
            latencies.quantile_ms(0.99),
            latencies.count(),
            latencies.refused,
        );
        let peak_max = self.budget_mib + BEYOND_BUDGET_MIB;
        assert!(peak <= peak_max, "{}: {peak} MiB resident", self.title);
        assert!(after <= kept_max, "{}: {after} MiB are kept", self.title);
        assert_eq!(latencies.refused, 0, "{}", self.title);
    }
}

/// Records the largest resident memory of a process.
struct Sampler {
    stop: Arc<AtomicBool>,
    peak_mib: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Sampler {
    fn start(pid: u32) -> Self {
        let (stop, peak_mib) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (stopped, peak) = (Arc::clone(&stop), Arc::clone(&peak_mib));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                peak.fetch_max(resident_mib(pid), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        Self {
            stop,
            peak_mib,
            thread,
        }
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.peak_mib.load(Ordering::Relaxed)
    }
}

/// Returns the resident memory of a process, in MiB.
fn resident_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() >> 10
}

/// Returns the CPU time of a process, in seconds.
fn cpu_s(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // proc_pid_stat(5): utime and stime are the 12th and 13th field after the name, in ticks of a hundredth of a second.
    let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}
