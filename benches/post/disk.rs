//! The disk: its file system, and the latency of an fsync.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Result;

const FSYNCS: usize = 500;

/// Returns the type of the file system of a directory.
///
/// # Errors
/// The file system is in memory, where an fsync does nothing.
pub fn file_system(dir: &Path) -> Result<String> {
    let output = Command::new("df")
        .args(["--output=fstype"])
        .arg(dir)
        .output()?;
    let table = String::from_utf8(output.stdout)?;
    match table.lines().nth(1).unwrap_or("unknown").trim() {
        "tmpfs" | "ramfs" => {
            Err(format!("{dir:?} is in memory: pass a directory on a disk with --dir").into())
        }
        name => Ok(name.to_owned()),
    }
}

/// Writes 4 KiB and calls fsync, many times. Returns the time of each.
pub fn fsync_latencies(dir: &Path) -> Result<Vec<Duration>> {
    let mut file = File::create(dir.join("fsynced"))?;
    let mut latencies = Vec::with_capacity(FSYNCS);
    for n in 0..FSYNCS {
        let start = Instant::now();
        file.write_all(&[n as u8; 4096])?;
        file.sync_all()?;
        latencies.push(start.elapsed());
    }
    Ok(latencies)
}

/// Writes all cached data to the disk, so that this does not happen during the next measurement.
pub async fn sync() -> Result<()> {
    tokio::task::spawn_blocking(|| Command::new("sync").status()).await??;
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}
