//! Measures durable writes over HTTP: `POST` of modules, with the same modules pushed to Debian's `docker-registry` 2.8 for comparison;
//! the latency of reads during writes; and the latency of writes during a `gc`.
//!
//!     benches/peers.sh                       # once, as root: installs docker-registry
//!     cargo bench --bench post               # everything: about ten minutes
//!     cargo bench --bench post -- --help
//!
//! Everything runs on one machine, in one directory, which must be on a disk (`--dir`, by default the build directory). The latency of
//! writing 4 KiB with an fsync is printed first. The machine should be idle otherwise. An ext4 without a journal creates files slowly for
//! some minutes after many files were deleted, for example by a build.
//!
//! **Load.** The same code generates the load for store and registry: N keep-alive connections, each of which sends its next push after
//! the response to the last one. Any error response ends the run. The load generator runs on the same processors. The CPU time of
//! each server is printed separately, so that a busy machine can be distinguished from a slow server.
//!
//! **Modules.** All modules are distinct. Those of 4,096 bytes are one custom section of random bytes. Those of 1,000,000 bytes are 60 %
//! code, whose functions resemble a compiler's output and are the same in all of them, and 40 % random bytes. Their compressed size is
//! printed.
//!
//! **The store** receives one `POST /api/v1/module/<path>` for each module, and makes one commit of each. The paths
//! `/bench/ab/cd/<n>.wasm` are spread over 256 directories of 256 (`--folders N`; 0 uses one flat directory). The server runs with its
//! default settings except for the log (`--quiet`).
//!
//! **The registry** receives, for each module: `POST /v2/bench/blobs/uploads/`, `PUT` of the blob with its digest, and `PUT` of an OCI
//! image manifest with its own tag, whose layer is the blob and whose config is an existing blob. This counts as one push. The registry
//! runs with Debian's configuration (storage in files, descriptors cached in memory), without keys, and logs only errors. It does not run
//! as a service: its program is started on a free port, with its files in the same directory.
//!
//! **Parts.** `rates`: each case for some seconds, store and registry alternately, for some rounds. `reads`: `GET` of modules that were
//! put before, on one connection at a fixed rate, alternately without other load and during `POST`s of 4 KiB at half the rate that was
//! measured with eight connections. `gc`: the same `POST`s, first without and then during a `gc?keep_history=true`. The bench counts how
//! often the number of packs decreases, because of a roll-up or the gc. The latency of a paced request starts at its due time, not when
//! it was sent. The 1 MB cases run last, so that gc packs only small modules.
//!
//! **No loss.** At the end, the server is killed. Then `git fsck --strict --full` must find no errors, and the numbers of commits and
//! paths must equal the number of acknowledged pushes.
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

/// The result of a step. An error ends the run and is printed.
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
    let dir = tempfile::Builder::new()
        .prefix("post-")
        .tempdir_in(&options.dir)?;
    // Declared after `dir`, so that it stops the servers before their directory is deleted.
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            result = run::run(options, dir.path()) => result,
            _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
            _ = terminated.recv() => Err("terminated".into()),
        }
    })
}
