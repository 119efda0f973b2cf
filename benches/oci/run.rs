//! The whole run: starts the servers, measures the cases, and checks the store.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Result;
use crate::disk;
use crate::http::Connection;
use crate::modules::ModuleMaker;
use crate::options::{Options, Size};
use crate::registry::Registry;

/// The time limit of one push or pull.
const REQUEST_MAX: Duration = Duration::from_secs(120);
/// At most this number of modules is pulled again and again.
const PULLED_MAX: usize = 200;

const TABLE_HEAD: &str = "
| request | modules x connections | server | per second (of rounds) | p50 / p99 ms | CPU ms | ratio |
|---|---|---|---|---|---|---|";

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Request {
    Push,
    Pull,
}

/// One round of a case on one server.
struct Round {
    rate: f64,
    latencies: Vec<Duration>,
    cpu: Duration,
}

/// Measures all cases, in the empty directory `dir`.
pub async fn run(options: &Options, dir: &Path) -> Result<()> {
    let processors = std::thread::available_parallelism()?;
    println!(
        "{processors} processors, {} at {}",
        disk::file_system(dir)?,
        dir.display()
    );
    let latencies = disk::fsync_latencies(dir)?;
    println!(
        "write + fsync of 4 KiB: p50 {} ms",
        percentile_ms(&latencies, 0.5)
    );
    println!(
        "docker-registry does not fsync what it receives; wasmstore responds when the push is durable"
    );
    let ours = Arc::new(Registry::wasmstore(&options.wasmstore, dir).await?);
    let theirs = match Registry::docker(&options.registry, dir).await {
        Ok(registry) => Some(Arc::new(registry)),
        Err(error) => {
            println!("docker-registry is not measured: {error} (benches/peers.sh installs it)");
            None
        }
    };
    println!("{TABLE_HEAD}");
    for size in &options.sizes {
        for request in [Request::Push, Request::Pull] {
            for connections in &options.connections {
                let case = (request, *size, usize::from(*connections));
                measure(options, case, &ours, theirs.as_ref()).await?;
            }
        }
    }
    drop(theirs);
    let ours = Arc::into_inner(ours).ok_or("BUG: the registry is still in use")?;
    println!("\n{}", ours.check(&options.wasmstore, dir).await?);
    Ok(())
}

/// Measures one case on both servers, alternately.
async fn measure(
    options: &Options,
    case: (Request, Size, usize),
    ours: &Arc<Registry>,
    theirs: Option<&Arc<Registry>>,
) -> Result<()> {
    disk::sync().await?;
    let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        of_ours.push(round(ours, case, options.time()).await?);
        if let Some(theirs) = theirs {
            of_theirs.push(round(theirs, case, options.time()).await?);
        }
    }
    let our_rate = median(&of_ours);
    if let Some(theirs) = theirs {
        let their_rate = median(&of_theirs);
        print(case, theirs, &of_theirs, "1");
        print(
            case,
            ours,
            &of_ours,
            &format!("{:.2}", our_rate / their_rate),
        );
    } else {
        print(case, ours, &of_ours, "");
    }
    Ok(())
}

/// Sends requests over some connections for some time, each after the response to the last one.
async fn round(
    registry: &Arc<Registry>,
    (request, size, connections): (Request, Size, usize),
    time: Duration,
) -> Result<Round> {
    let maker = Arc::new(ModuleMaker::new(size));
    let size_bytes = maker.make(0).len();
    let urls = Arc::new(registry.urls(size_bytes, PULLED_MAX));
    if request == Request::Pull && urls.is_empty() {
        return Err("nothing was pushed".into());
    }
    let (start, cpu_before) = (Instant::now(), registry.server.cpu());
    let mut tasks = JoinSet::new();
    for nth in 0..connections {
        let mut connection = Connection::open(registry.server.address).await?;
        let (registry, maker, urls) = (Arc::clone(registry), Arc::clone(&maker), Arc::clone(&urls));
        tasks.spawn(async move {
            let (mut latencies, mut at) = (Vec::new(), nth);
            while start.elapsed() < time {
                let module = (request == Request::Push).then(|| {
                    let n = registry.next();
                    (n, maker.make(n))
                });
                let sent = Instant::now();
                match module {
                    Some((n, module)) => {
                        timeout(REQUEST_MAX, registry.push(&mut connection, n, module)).await??
                    }
                    None => {
                        let url = &urls[at % urls.len()];
                        at += connections;
                        timeout(REQUEST_MAX, registry.pull(&mut connection, url, size_bytes))
                            .await??;
                    }
                }
                latencies.push(sent.elapsed());
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(of_task) = tasks.join_next().await {
        latencies.extend(of_task??);
    }
    Ok(Round {
        rate: latencies.len() as f64 / start.elapsed().as_secs_f64(),
        latencies,
        cpu: registry.server.cpu() - cpu_before,
    })
}

/// Formats the percentile `p` of the latencies, for example 0.99 for p99, in milliseconds.
fn percentile_ms(latencies: &[Duration], p: f64) -> String {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let rank = (p * sorted.len() as f64).ceil() as usize;
    let latency = sorted.get(rank.max(1) - 1).copied().unwrap_or_default();
    format!("{:.2}", latency.as_secs_f64() * 1e3)
}

fn median(rounds: &[Round]) -> f64 {
    let mut rates: Vec<_> = rounds.iter().map(|round| round.rate).collect();
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn print(
    (request, size, connections): (Request, Size, usize),
    registry: &Registry,
    rounds: &[Round],
    ratio: &str,
) {
    let request = match request {
        Request::Push => "push",
        Request::Pull => "GET blob",
    };
    let rates = rounds.iter().map(|round| round.rate);
    let (lowest, highest) = rates.fold((f64::MAX, 0.0), |(low, high), rate| {
        (rate.min(low), rate.max(high))
    });
    let latencies: Vec<_> = rounds
        .iter()
        .flat_map(|round| round.latencies.iter().copied())
        .collect();
    let [p50, p99] = [0.5, 0.99].map(|p| percentile_ms(&latencies, p));
    let cpu: Duration = rounds.iter().map(|round| round.cpu).sum();
    let cpu_ms = cpu.as_secs_f64() * 1e3 / latencies.len().max(1) as f64;
    let name = registry.name;
    let rate = median(rounds);
    println!(
        "| {request} | {size} x {connections} | {name} | {rate:.0} ({lowest:.0}-{highest:.0}) | {p50} / {p99} | {cpu_ms:.2} | {ratio} |"
    );
}
