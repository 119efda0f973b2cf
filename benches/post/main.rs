//! Measures durable changes over HTTP: `POST` of modules, beside Debian's `docker-registry` 2.8 that is pushed the same modules;
//! what reads feel of them; what a `gc` costs them.
//!
//!     benches/peers.sh                       # once, as root: installs docker-registry
//!     cargo bench --bench post               # all of it, about ten minutes
//!     cargo bench --bench post -- --help
//!
//! Everything happens in one run, on one machine, in one folder that has to be on a real disk (`--dir`, by default beside the
//! build's files). What a write of 4 KiB with its fsync takes there is told first. The machine should do nothing else; and on an
//! ext4 without a journal files are created slowly for minutes after many were deleted, as a build does.
//!
//! **Load.** Store and registry are driven by the same code: N connections that are kept alive, each sending its next push when
//! the last one is answered. Anything but success ends the run. The load generator takes its part of the same processors; the
//! CPU time of each server is told apart, so that a busy machine can be told from a slow server.
//!
//! **Modules.** No two are the same. Those of 4,096 bytes are one custom section of random bytes. Those of 1,000,000 bytes are
//! six parts code, whose functions are like a compiler's and the same in all of them, and four parts random bytes. What they
//! compress to is told.
//!
//! **The store** is sent one `POST /api/v1/module/<path>` for each module, and makes one commit of each. Paths are fanned out,
//! `/bench/ab/cd/<n>.wasm`, over 256 folders of 256 (`--folders N`; 0 puts them all into one folder). It runs with its defaults
//! but for the log (`--quiet`).
//!
//! **The registry** is sent, for each module: `POST /v2/bench/blobs/uploads/`, `PUT` of the blob with its digest, `PUT` of an OCI
//! image manifest that names the blob as its layer and a config blob that is there, with a tag of its own. That counts as one
//! push. It runs with Debian's configuration (storage in files, descriptors cached in memory), without keys, and logs errors
//! only. It is not run as a service: its program is started on a free port, with its files in the same folder.
//!
//! **Parts.** `rates`: each case for some seconds, store and registry by turns, some rounds. `reads`: `GET` of modules that were
//! put before, one connection at a fixed rate, by turns idle and beside `POST`s of 4 KiB at half the rate measured for eight
//! connections. `gc`: the same `POST`s, for a time without and then beside a `gc?keep_history=true`; how often the number of
//! packs fell, which is a roll-up or the gc, is counted from outside. What is paced is measured from the moment at which it was
//! due, not from when its turn came. The 1 MB cases come last, so that gc has only small modules to pack.
//!
//! **No loss.** At the end the server is killed, `git fsck --strict --full` has to find nothing, and there must be exactly as
//! many commits, and paths, as pushes were acknowledged.
//!
//! **Results.** Two cores, shared with the load generator; modules with random content. Changes per second, and their ratio to those of
//! `docker-registry` in the same run, which hashes and fsyncs what it receives and validates nothing:
//!
//! | modules x connections | wasmstore | ratio to the registry |
//! |---|---|---|
//! | 4 KiB x 1 | 327 | 3.2 |
//! | 4 KiB x 8 | 1,108 | 6.0 |
//! | 4 KiB x 64 | 1,819 | 10.0 |
//! | 1 MB x 1 | 75 | 1.0 |
//! | 1 MB x 8 | 168 | 1.2 |
//!
//! That was on ext4 without a journal, where write and fsync of 4 KiB took 0.21 ms. With a journal, where they took 0.76 ms, 4 KiB x 8
//! reached 1,171 and a ratio of 6.8. Without its journal, ext4 checks every inode that was deleted in the last minutes when it creates a
//! file, which takes up to 40 % of the time. Validation takes a third of the time for 1 MB.

mod disk;
mod gc;
mod http;
mod load;
mod modules;
mod options;
mod rates;
mod reads;
mod registry;
mod report;
mod run;
mod servers;
mod store;

use std::process::ExitCode;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use options::Options;

/// What goes wrong ends the run, and is told.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let options = Options::parse();
    if !options.bench {
        println!("nothing is measured: run `cargo bench --bench post`");
        return ExitCode::SUCCESS;
    }
    match measure(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("post: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<()> {
    std::fs::create_dir_all(&options.dir)?;
    let mut dir = tempfile::Builder::new();
    let dir = dir.prefix("post-").tempdir_in(&options.dir)?;
    // It goes before the folder, and the servers go with it.
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            ended = run::run(options, dir.path()) => ended,
            _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
            _ = terminated.recv() => Err("terminated".into()),
        }
    })
}
