//! The whole run: creates, measures and deletes each store in turn.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::Result;
use crate::disk;
use crate::git::Git;
use crate::import;
use crate::options::{Options, Part};
use crate::peers;
use crate::report::{Row, spread_ms, tables};
use crate::shape::{Shape, ShapeKind};
use crate::special_cases;
use crate::subprocess;

/// Runs the selected parts, in the empty directory `dir`.
pub fn run(options: &Options, dir: &Path) -> Result<()> {
    let shapes = shapes(options)?;
    describe(dir)?;
    let mut rows = Vec::new();
    let measured: Result<()> = shapes.into_iter().try_for_each(|shape| {
        rows.push(measure_store(options, dir, shape)?);
        Ok(())
    });
    if !rows.is_empty() {
        println!("\n{}", tables(&rows));
    }
    measured?;
    if options.parts.contains(&Part::Special) {
        special_cases::run(options, dir)?;
    }
    Ok(())
}

fn shapes(options: &Options) -> Result<Vec<Shape>> {
    let kinds = [
        (Part::Stores, ShapeKind::Fan, &options.sizes),
        (Part::Stores, ShapeKind::Flat, &options.flat),
        (Part::Histories, ShapeKind::History, &options.commits),
    ];
    kinds
        .into_iter()
        .filter(|(part, ..)| options.parts.contains(part))
        .flat_map(|(_, kind, counts)| counts.iter().map(move |count| (kind, *count)))
        .filter(|(_, count)| count.0 > 0)
        .map(|(kind, count)| Shape::new(kind, count))
        .collect()
}

fn measure_store(options: &Options, dir: &Path, shape: Shape) -> Result<Row> {
    let root = dir.join(shape.to_string());
    let start = Instant::now();
    let git = import::create(&root, shape)?;
    eprintln!("{shape}: created in {:.1} s", start.elapsed().as_secs_f64());
    let peers = peers::measure(&git, shape, options.samples)?;
    let measured = subprocess::measure_in_subprocess(shape, &root, options.samples)?;
    eprintln!(
        "{shape}: measured after {:.1} s",
        start.elapsed().as_secs_f64()
    );
    if !options.keep {
        fs::remove_dir_all(&root)?;
    }
    Ok(Row {
        shape,
        measured,
        peers,
    })
}

/// Prints the properties of the machine.
fn describe(dir: &Path) -> Result<()> {
    let processors = std::thread::available_parallelism()?;
    let file_system = disk::file_system(dir)?;
    let git = Git::new(dir).output(&["--version"])?;
    println!(
        "{processors} processors, {file_system} at {}, {git}",
        dir.display()
    );
    let latencies = spread_ms(disk::fsync_latencies(dir)?);
    println!("write + fsync of 4 KiB: p50 / p99 {latencies} ms");
    Ok(())
}
