//! Measures `git clone` of a served store, beside stock git's own servers of the same repository: `git http-backend` behind nginx
//! and fcgiwrap, and `git daemon`.
//!
//!     benches/peers.sh                       # once, as root: installs nginx and fcgiwrap
//!     cargo bench --bench clone              # all of it, some minutes
//!     cargo bench --bench clone -- --help
//!
//! Everything happens in one run, on one machine, over the loopback address. The servers run side by side on one repository, and
//! only one of them is asked at a time: in every round each is cloned from once, and the first one changes from round to round.
//! What is told is the median of the rounds, the fastest and the slowest, and the medians' ratio.
//!
//! **The store** has modules of 200 bytes to 10 KB, no two the same, 100 to a folder, which were imported as one commit, and a
//! hundred commits on top. It is measured as it was made, in many packs, and after a `gc`, as one pack.
//!
//! **What is timed** is stock git as a client: `clone` is `git clone --bare`, to a new folder in the same file system; `ls-remote`
//! is what every command begins with. Every clone has to reach the same commit, and the first of each server is looked at by
//! `git fsck`.
//!
//! **The peers** serve what they serve by default, but for what lets them in to the repository. nginx passes on answers as they
//! come (`fastcgi_buffering off`), and fcgiwrap has as many processes as the machine has processors.

#[path = "../store/modules.rs"]
#[expect(dead_code, reason = "`version` is for the operations")]
mod modules;
mod options;
mod peers;
mod rounds;
mod servers;
mod store;

use std::process::ExitCode;

use clap::Parser as _;

use options::Options;

/// What goes wrong ends the run, and is told.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let options = Options::parse();
    if !options.bench {
        println!("nothing is measured: run `cargo bench --bench clone`");
        return ExitCode::SUCCESS;
    }
    match measure(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("clone: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<()> {
    std::fs::create_dir_all(&options.dir)?;
    let made = tempfile::Builder::new();
    let made = { made }.prefix("clone-").tempdir_in(&options.dir)?;
    let store = store::Store::make(options, made.path())?;
    // They end before the folder goes.
    let servers = servers::start(options, &store, made.path())?;
    println!("{} processors", std::thread::available_parallelism()?);
    println!("\n{} modules, as they were made", options.modules);
    rounds::measure(options, &store, &servers, made.path())?;
    store.collect()?;
    println!("\n{} modules, after a gc", options.modules);
    rounds::measure(options, &store, &servers, made.path())
}
