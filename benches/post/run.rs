//! The whole run: servers started, parts one after another, the store checked.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::Result;
use crate::disk;
use crate::load::{Load, Measured, Target};
use crate::modules::Maker;
use crate::options::{Case, Options, Part, Size};
use crate::registry::Registry;
use crate::report::spread;
use crate::store::Store;

/// The case by whose rate the paced parts go.
pub const PACE: Case = Case {
    size: Size::Small,
    connections: 8,
};

/// What the parts share.
pub struct Run<'o> {
    pub options: &'o Options,
    pub store: Arc<Store>,
    pub registry: Option<Arc<Registry>>,
    /// How many modules were pushed to the store.
    pub stored: Arc<AtomicU64>,
    /// How many to the registry.
    pushed: Arc<AtomicU64>,
}

/// Measures all that was asked for, in the empty folder `dir`.
pub async fn run(options: &Options, dir: &Path) -> Result<()> {
    describe(dir)?;
    let store = Arc::new(Store::start(&options.wasmstore, dir, options.folders).await?);
    let run = Run {
        options,
        store: Arc::clone(&store),
        registry: start_registry(options, dir).await,
        stored: Arc::default(),
        pushed: Arc::default(),
    };
    let target = Target::Store(Arc::clone(&store));
    let before = run.load(target, Size::Small);
    before.some(PACE.connections, options.before).await?;
    drop(before);
    let half = run.rates(Size::Small).await?.map(|rate| rate / 2.0);
    let pace = || {
        let pace = options.rate.or(half);
        pace.ok_or("the parts reads and gc need the case 4k:8, or --rate")
    };
    if options.parts.contains(&Part::Reads) {
        run.reads(pace()?).await?;
    }
    if options.parts.contains(&Part::Gc) {
        run.gc(pace()?).await?;
    }
    run.rates(Size::Large).await?;
    let acknowledged = run.stored.load(Ordering::Relaxed);
    drop(run);
    let mut store = Arc::into_inner(store).ok_or("BUG: the store is used still")?;
    println!("\n{}", store.check(acknowledged)?);
    Ok(())
}

/// Tells where it runs, and with what.
fn describe(dir: &Path) -> Result<()> {
    let processors = std::thread::available_parallelism()?;
    let file_system = disk::file_system(dir)?;
    println!(
        "{processors} processors, {file_system} at {}",
        dir.display()
    );
    let flushes = spread(&disk::flushes(dir)?);
    println!("write + fsync of 4 KiB: p50 / p99 / max {flushes} ms");
    for size in [Size::Small, Size::Large] {
        let module = Maker::new(size).make(1);
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::fast());
        deflated.write_all(&module)?;
        let percent = deflated.finish()?.len() as f64 / module.len() as f64 * 100.0;
        let bytes = module.len();
        println!("modules of {size}: {bytes} bytes, {percent:.0} % of that deflated at level 1");
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
            println!("without docker-registry: {error} (benches/peers.sh installs it)");
            None
        }
    }
}

impl Run<'_> {
    /// Pushes to come, of modules that were never pushed there.
    pub fn load(&self, target: Target, size: Size) -> Arc<Load> {
        let count = match target {
            Target::Store(_) => &self.stored,
            Target::Registry(_) => &self.pushed,
        };
        Arc::new(Load {
            target,
            maker: Maker::new(size),
            count: Arc::clone(count),
        })
    }

    /// Pushes small modules to the store, at a rate, for as long as `work` takes.
    pub async fn beside_posts<T>(
        &self,
        rate: f64,
        work: impl Future<Output = Result<T>>,
    ) -> Result<(Measured, T)> {
        let load = self.load(Target::Store(Arc::clone(&self.store)), Size::Small);
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let posts = load.paced(PACE.connections, rate, move || over.load(Ordering::Relaxed));
        let work = async {
            let done = work.await;
            is_over.store(true, Ordering::Relaxed);
            done
        };
        let (posts, done) = tokio::join!(posts, work);
        Ok((posts?, done?))
    }
}
