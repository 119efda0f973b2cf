//! Clones from all servers, alternately.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Result;
use crate::options::Options;
use crate::servers::{Server, hermetic};
use crate::store::Store;

/// The times of one server, one per round.
#[derive(Default)]
struct ServerTimes {
    clone: Vec<Duration>,
    ls_remote: Vec<Duration>,
}

/// Clones from each server, and prints the times.
pub fn measure(options: &Options, store: &Store, servers: &[Server], dir: &Path) -> Result<()> {
    let tip = store.tip()?;
    let clone_dir = dir.join("cloned");
    let mut times: Vec<_> = servers.iter().map(|_| ServerTimes::default()).collect();
    // The first round is not counted: it warms the caches up and checks the clones.
    for round in 0..=options.rounds as usize {
        for turn in 0..servers.len() {
            let nth = (round + turn) % servers.len();
            let url = &servers[nth].url;
            let path = clone_dir.display().to_string();
            let clone = time(&["clone", "--quiet", "--bare", url, &path])?.0;
            let in_clone = |args: &[&str]| git(&[&["--git-dir", &path], args].concat());
            if in_clone(&["rev-parse", "HEAD"])?.trim_end() != tip {
                return Err(format!("the clone of {url} has another tip").into());
            }
            if round == 0 {
                in_clone(&["fsck", "--strict", "--no-progress"])?;
            }
            fs::remove_dir_all(&clone_dir)?;
            let (ls_remote, refs) = time(&["ls-remote", url])?;
            if !refs.contains(&tip) {
                return Err(format!("{url} has unexpected refs: {refs}").into());
            }
            if round > 0 {
                times[nth].clone.push(clone);
                times[nth].ls_remote.push(ls_remote);
            }
        }
    }
    type Column = fn(&ServerTimes) -> &Vec<Duration>;
    let columns: [(&str, Column); 2] = [
        ("git clone", |times| &times.clone),
        ("git ls-remote", |times| &times.ls_remote),
    ];
    for (command, column) in columns {
        let spreads: Vec<_> = times
            .iter()
            .map(|server| Spread::of(column(server)))
            .collect();
        print(command, servers, &spreads);
    }
    Ok(())
}

/// The fastest, the median and the slowest, in milliseconds.
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of(times: &[Duration]) -> Self {
        let mut times_ms: Vec<_> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        times_ms.sort_unstable_by(f64::total_cmp);
        Self {
            min: times_ms[0],
            median: times_ms[times_ms.len() / 2],
            max: times_ms[times_ms.len() - 1],
        }
    }
}

fn print(command: &str, servers: &[Server], spreads: &[Spread]) {
    for (server, spread) in servers.iter().zip(spreads) {
        println!(
            "{command:13}  {:19}  median {:7.1} ms  ({:.1} to {:.1})  wasmstore takes {:.2}x",
            server.name,
            spread.median,
            spread.min,
            spread.max,
            spreads[0].median / spread.median
        );
    }
}

/// Runs git. Returns its time and its output.
fn time(args: &[&str]) -> Result<(Duration, String)> {
    let start = Instant::now();
    let output = git(args)?;
    Ok((start.elapsed(), output))
}

fn git(args: &[&str]) -> Result<String> {
    let output = hermetic(&mut Command::new("git")).args(args).output()?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git {args:?}: {stderr}").into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
