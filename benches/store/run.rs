//! The whole run: store after store is made, measured and removed.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::Result;
use crate::child;
use crate::disk;
use crate::git::Git;
use crate::import;
use crate::options::{Options, Part};
use crate::peers;
use crate::report::{Row, spread_ms, tables};
use crate::shape::{Kind, Shape};
use crate::special;

/// Measures all that was asked for, in the empty folder `dir`.
pub fn run(options: &Options, dir: &Path) -> Result<()> {
    let shapes = shapes(options)?;
    describe(dir)?;
    let mut rows = Vec::new();
    let measured: Result<()> = shapes.into_iter().try_for_each(|shape| {
        rows.push(store(options, dir, shape)?);
        Ok(())
    });
    if !rows.is_empty() {
        println!("\n{}", tables(&rows));
    }
    measured?;
    if options.parts.contains(&Part::Special) {
        special::run(options, dir)?;
    }
    Ok(())
}

fn shapes(options: &Options) -> Result<Vec<Shape>> {
    let kinds = [
        (Part::Stores, Kind::Fan, &options.sizes),
        (Part::Stores, Kind::Flat, &options.flat),
        (Part::Histories, Kind::History, &options.commits),
    ];
    let wanted = kinds
        .into_iter()
        .filter(|(part, ..)| options.parts.contains(part));
    wanted
        .flat_map(|(_, kind, counts)| counts.iter().map(move |count| (kind, *count)))
        .filter(|(_, count)| count.0 > 0)
        .map(|(kind, count)| Shape::new(kind, count))
        .collect()
}

fn store(options: &Options, dir: &Path, shape: Shape) -> Result<Row> {
    let root = dir.join(shape.to_string());
    let began = Instant::now();
    let git = import::create(&root, shape)?;
    eprintln!("{shape}: made in {:.1} s", began.elapsed().as_secs_f64());
    let peers = peers::measure(&git, shape, options.samples)?;
    let measured = child::ask(shape, &root, options.samples)?;
    eprintln!(
        "{shape}: measured after {:.1} s",
        began.elapsed().as_secs_f64()
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

/// Tells where it runs, and with what.
fn describe(dir: &Path) -> Result<()> {
    let processors = std::thread::available_parallelism()?;
    let file_system = disk::file_system(dir)?;
    let git = Git::new(dir).output(&["--version"])?;
    println!(
        "{processors} processors, {file_system} at {}, {git}",
        dir.display()
    );
    let flushes = spread_ms(disk::flushes(dir)?);
    println!("write + fsync of 4 KiB: p50 / p99 {flushes} ms");
    Ok(())
}
