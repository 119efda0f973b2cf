//! Measures `git clone` from `wasmstore server`, and from stock git's own servers of the same repository for comparison:
//! `git http-backend` behind nginx and fcgiwrap, and `git daemon`.
//!
//!     benches/peers.sh                       # once, as root: installs nginx and fcgiwrap
//!     cargo bench --bench clone              # everything: some minutes
//!     cargo bench --bench clone -- --help
//!
//! Everything runs on one machine, over the loopback address. All servers run at the same time on one repository, but only one of them
//! is used at a time: each round clones once from each server, and each round starts with another server. The report contains the
//! median, the fastest and the slowest of the rounds, and the ratio of the medians.
//!
//! **The store** has distinct modules of 200 bytes to 10 KB, 100 in each directory, imported as one commit, and a hundred further
//! commits. It is measured as it was created, in many packs, and again after a `gc`, as one pack.
//!
//! **The measured commands** are those of stock git as the client: `git clone --bare` to a new directory in the same file system, and
//! `git ls-remote`, the first step of every fetch. Every clone must have the same tip, and the first clone from each server must pass
//! `git fsck`.
//!
//! **The other servers** use their default settings, except for those that grant access to the repository. nginx does not buffer
//! responses (`fastcgi_buffering off`), and fcgiwrap runs one process per processor.

#[path = "../store/modules.rs"]
#[expect(dead_code, reason = "only the bench `store` uses `version`")]
mod modules;
mod options;
mod peers;
mod rounds;
mod servers;
mod store;

use std::process::ExitCode;

use clap::Parser as _;

use options::Options;

/// The result of a step. An error ends the run and is printed.
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
    let scratch = tempfile::Builder::new()
        .prefix("clone-")
        .tempdir_in(&options.dir)?;
    let store = store::Store::create(options, scratch.path())?;
    // Declared after `scratch`, so that the servers stop before their directory is deleted.
    let servers = servers::start(options, &store, scratch.path())?;
    println!("{} processors", std::thread::available_parallelism()?);
    println!("\n{} modules, as created", options.modules);
    rounds::measure(options, &store, &servers, scratch.path())?;
    store.gc()?;
    println!("\n{} modules, after a gc", options.modules);
    rounds::measure(options, &store, &servers, scratch.path())
}
