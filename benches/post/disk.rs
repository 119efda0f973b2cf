//! The disk: which file system it has, and what a flush takes.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Result;

const FLUSHES: usize = 500;

/// The file system of a folder.
///
/// # Errors
/// It is in memory, where a flush does nothing.
pub fn file_system(dir: &Path) -> Result<String> {
    let output = Command::new("df")
        .args(["--output=fstype"])
        .arg(dir)
        .output()?;
    let name = String::from_utf8(output.stdout)?;
    let name = name.lines().nth(1).unwrap_or("unknown").trim().to_owned();
    match name.as_str() {
        "tmpfs" | "ramfs" => {
            Err(format!("{dir:?} is in memory: name a folder on a disk with --dir").into())
        }
        _ => Ok(name),
    }
}

/// How long each of a number of writes of 4 KiB takes, with its fsync.
pub fn flushes(dir: &Path) -> Result<Vec<Duration>> {
    let mut file = File::create(dir.join("flushed"))?;
    let mut latencies = Vec::with_capacity(FLUSHES);
    for n in 0..FLUSHES {
        let began = Instant::now();
        file.write_all(&[n as u8; 4096])?;
        file.sync_all()?;
        latencies.push(began.elapsed());
    }
    Ok(latencies)
}

/// Lets what was written go to the disk, so that it is not written while something else is measured.
pub async fn settle() -> Result<()> {
    tokio::task::spawn_blocking(|| Command::new("sync").status()).await??;
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}
