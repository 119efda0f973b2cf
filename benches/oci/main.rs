//! Measures pushes and pulls through the OCI registry API, with the same requests to Debian's `docker-registry` 2.8 for comparison.
//!
//!     benches/peers.sh                       # once, as root: installs docker-registry
//!     cargo bench --bench oci                # everything: about four minutes
//!     cargo bench --bench oci -- --help
//!
//! Everything runs on one machine, in one directory, which must be on a disk (`--dir`, by default the build directory). The load generator
//! runs on the same processors. Servers alternate, for some rounds; the median is printed, with the lowest and the highest rate.
//!
//! **A push** is `POST …/blobs/uploads/`, `PUT` of the module with its digest, and `PUT` of an OCI image manifest with its own tag, whose layer
//! is the module. Its config is a blob that the repository has. The tags are spread over 64 repositories. N connections are kept alive, each
//! of which begins its next push after the last response. Any error response ends the run. The modules are those of the bench `post`.
//!
//! **A pull** is `GET` of a module's blob by its digest, of modules that were pushed before.
//!
//! **Durability.** wasmstore responds to the manifest when module, manifest and tag are durable: they survive a power cut.
//! docker-registry 2.8 calls fsync neither for files nor for directories, so it does less. wasmstore also validates each module.
//!
//! **No loss.** At the end, the server is killed. A new one must have every tag that was acknowledged, and `git fsck --strict` no objections.

#[path = "../post/disk.rs"]
mod disk;
#[path = "../post/http.rs"]
mod http;
#[path = "../post/modules.rs"]
mod modules;
mod options;
mod registry;
mod run;
#[path = "../post/servers.rs"]
mod servers;

use std::process::ExitCode;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use options::Options;

/// The result of a step. An error ends the run and is printed.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let options = Options::parse();
    if !options.bench {
        println!("nothing is measured: run `cargo bench --bench oci`");
        return ExitCode::SUCCESS;
    }
    match measure(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("oci: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<()> {
    std::fs::create_dir_all(&options.dir)?;
    let dir = tempfile::Builder::new()
        .prefix("oci-")
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
