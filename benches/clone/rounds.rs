//! Cloning from all servers by turns.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Result;
use crate::options::Options;
use crate::peers::hermetic;
use crate::servers::Server;
use crate::store::Store;

/// What one server took, round by round.
#[derive(Default)]
struct Taken {
    clone: Vec<Duration>,
    ls_remote: Vec<Duration>,
}

/// Clones from each server, and tells what it took.
pub fn measure(options: &Options, store: &Store, servers: &[Server], dir: &Path) -> Result<()> {
    let tip = store.tip()?;
    let folder = dir.join("cloned");
    let mut taken: Vec<_> = servers.iter().map(|_| Taken::default()).collect();
    // The first round warms up, and looks at what is cloned.
    for round in 0..=options.rounds as usize {
        for turn in 0..servers.len() {
            let nth = (round + turn) % servers.len();
            let url = &servers[nth].url;
            let path = folder.display().to_string();
            let clone = time(&["clone", "--quiet", "--bare", url, &path])?.0;
            let inside = |args: &[&str]| git(&[&["--git-dir", &path], args].concat());
            if inside(&["rev-parse", "HEAD"])?.trim_end() != tip {
                return Err(format!("the clone of {url} is another").into());
            }
            if round == 0 {
                inside(&["fsck", "--strict", "--no-progress"])?;
            }
            fs::remove_dir_all(&folder)?;
            let (ls_remote, refs) = time(&["ls-remote", url])?;
            if !refs.contains(&tip) {
                return Err(format!("{url} has other refs: {refs}").into());
            }
            if round > 0 {
                taken[nth].clone.push(clone);
                taken[nth].ls_remote.push(ls_remote);
            }
        }
    }
    for (what, of) in [
        ("git clone", (|taken| &taken.clone) as fn(&Taken) -> &Vec<_>),
        ("git ls-remote", |taken| &taken.ls_remote),
    ] {
        let spreads: Vec<_> = taken.iter().map(|taken| Spread::of(of(taken))).collect();
        tell(what, servers, &spreads);
    }
    Ok(())
}

/// The fastest, the median and the slowest, in milliseconds.
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(taken: &[Duration]) -> Self {
        let mut taken: Vec<_> = taken
            .iter()
            .map(|taken| taken.as_secs_f64() * 1e3)
            .collect();
        taken.sort_unstable_by(f64::total_cmp);
        Self {
            least: taken[0],
            median: taken[taken.len() / 2],
            most: taken[taken.len() - 1],
        }
    }
}

fn tell(what: &str, servers: &[Server], spreads: &[Spread]) {
    for (server, spread) in servers.iter().zip(spreads) {
        println!(
            "{what:13}  {:19}  median {:7.1} ms  ({:.1} to {:.1})  wasmstore takes {:.2}x",
            server.name,
            spread.median,
            spread.least,
            spread.most,
            spreads[0].median / spread.median
        );
    }
}

fn time(args: &[&str]) -> Result<(Duration, String)> {
    let began = Instant::now();
    let printed = git(args)?;
    Ok((began.elapsed(), printed))
}

fn git(args: &[&str]) -> Result<String> {
    let output = hermetic(&mut Command::new("git")).args(args).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git {args:?}: {said}").into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
