//! The whole run: starts the servers, runs the parts in order, and checks the store.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::Result;
use crate::disk;
use crate::load::{Load, Measured, Target};
use crate::modules::ModuleMaker;
use crate::options::{Case, Options, Part, Size};
use crate::registry::Registry;
use crate::report::spread;
use crate::store::Store;

/// The case whose rate determines the rate of the paced parts.
pub const PACE_CASE: Case = Case {
    size: Size::Small,
    connections: 8,
};

/// The state that the parts share.
pub struct Run<'o> {
    pub options: &'o Options,
    pub store: Arc<Store>,
    pub registry: Option<Arc<Registry>>,
    /// The number of modules that were pushed to the store.
    pub stored: Arc<AtomicU64>,
    /// The number of modules that were pushed to the registry.
    pushed: Arc<AtomicU64>,
}

/// Runs the selected parts, in the empty directory `dir`.
pub async fn run(options: &Options, dir: &Path) -> Result<()> {
    describe(dir)?;
    let store = Arc::new(Store::start(&options.wasmstore, dir, options.fan_out).await?);
    let run = Run {
        options,
        store: Arc::clone(&store),
        registry: start_registry(options, dir).await,
        stored: Arc::default(),
        pushed: Arc::default(),
    };
    run.load(Target::Store(Arc::clone(&store)), Size::Small)
        .fixed_count(PACE_CASE.connections, options.before)
        .await?;
    let half = run.rates(Size::Small).await?.map(|rate| rate / 2.0);
    let pace =
        || (options.rate.or(half)).ok_or("the parts reads and gc need the case 4k:8, or --rate");
    if options.parts.contains(&Part::Reads) {
        run.reads(pace()?).await?;
    }
    if options.parts.contains(&Part::Gc) {
        run.gc(pace()?).await?;
    }
    run.rates(Size::Large).await?;
    let acknowledged = run.stored.load(Ordering::Relaxed);
    drop(run);
    let mut store = Arc::into_inner(store).ok_or("BUG: the store is still in use")?;
    println!("\n{}", store.check(acknowledged)?);
    Ok(())
}

/// Prints the properties of the machine and of the modules.
fn describe(dir: &Path) -> Result<()> {
    let processors = std::thread::available_parallelism()?;
    let file_system = disk::file_system(dir)?;
    println!(
        "{processors} processors, {file_system} at {}",
        dir.display()
    );
    let latencies = spread(&disk::fsync_latencies(dir)?);
    println!("write + fsync of 4 KiB: p50 / p99 / max {latencies} ms");
    for size in [Size::Small, Size::Large] {
        let module = ModuleMaker::new(size).make(1);
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::fast());
        deflated.write_all(&module)?;
        let percent = deflated.finish()?.len() as f64 / module.len() as f64 * 100.0;
        let bytes = module.len();
        println!("modules of {size}: {bytes} bytes, deflated at level 1 to {percent:.0} %");
    }
    Ok(())
}

async fn start_registry(options: &Options, dir: &Path) -> Option<Arc<Registry>> {
    if options.no_registry {
        return None;
    }
    match Registry::start(&options.registry, dir).await {
        Ok(registry) => Some(Arc::new(registry)),
        Err(error) => {
            println!("docker-registry is not measured: {error} (benches/peers.sh installs it)");
            None
        }
    }
}

impl Run<'_> {
    /// Returns a load of modules that the target does not have yet.
    pub fn load(&self, target: Target, size: Size) -> Arc<Load> {
        let count = match target {
            Target::Store(_) => &self.stored,
            Target::Registry(_) => &self.pushed,
        };
        Arc::new(Load {
            target,
            maker: ModuleMaker::new(size),
            count: Arc::clone(count),
        })
    }

    /// Runs `work`, and pushes small modules to the store at this rate until it ends.
    pub async fn with_posts<T>(
        &self,
        rate: f64,
        work: impl Future<Output = Result<T>>,
    ) -> Result<(Measured, T)> {
        let load = self.load(Target::Store(Arc::clone(&self.store)), Size::Small);
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let posts = load.paced(PACE_CASE.connections, rate, move || {
            over.load(Ordering::Relaxed)
        });
        let work = async {
            let result = work.await;
            is_over.store(true, Ordering::Relaxed);
            result
        };
        let (measured, result) = tokio::join!(posts, work);
        Ok((measured?, result?))
    }
}
