//! Measures how the time of each store operation grows with the number of modules, of modules in one directory, and of commits. Runs
//! stock git on the same stores for comparison.
//!
//!     cargo bench --bench store              # everything: takes long, and some gigabytes of disk
//!     cargo bench --bench store -- --sizes 1k,10k --flat 1k --commits 1k --parts stores,histories
//!     cargo bench --bench store -- --help
//!
//! Everything runs on one machine, in one directory, which must be on a disk (`--dir`, by default the build directory). The stores are
//! deleted afterwards. The latency of writing 4 KiB with an fsync is printed first. The machine should be idle otherwise.
//!
//! **The stores** are created by `Store::open_or_create` and filled by `git fast-import`. wasmstore and git both read the pack that the
//! import wrote, with its deltas. No two modules are equal. The kinds of stores are:
//!
//! - `fan-N`: one commit with N modules of 64 bytes, `/m/ab/cd/<n>.wasm`, in a hundred directories of a hundred directories.
//! - `flat-N`: the same modules in the one directory `/m`. The time of this import is quadratic in N.
//! - `history-N`: N commits, each of which adds or changes one module of 4 KiB, in the directories of a fan. The first half of the
//!   commits adds the modules, the second half adds a second version of each. Ten of the commits, one in the middle of each tenth of the
//!   history, make the ten versions of one special path. A history has a commit-graph with changed paths (`git commit-graph write
//!   --reachable --changed-paths`), without which git is slow.
//!
//! **Operations** are calls of `wasmstore::store::Store`, in one process per store, which does nothing else, so that its memory can be
//! reported. The files are in the page cache, because they were just written and then read by git. The columns are:
//!
//! - `open, find`: `Store::open` and the first `find` by path: the work of a command.
//! - `catch-up`: the first `versions` in a store without an index. One call.
//! - `find`: by a path that this process has not read before, while more and more directories are cached. `again`: the same paths once
//!   more. The paths are pseudo-random, and the same in each run.
//! - `hash`, `digest`: the hash of a module given by its hash, or by its SHA-256. As for all operations, the first call is not counted.
//!   For a digest, it may be the call that reads all modules.
//! - `list`: `list_after` of up to 100 modules below a directory, after a pseudo-random path. In a fan, the directory is `/m/ab`, which
//!   has less than 100 modules in a small store.
//! - `versions`: of the path with ten versions in a history, and of any path, with its one version, elsewhere.
//! - `first put`: one durable put at a new path: one commit and its fsyncs. It is the first write after git wrote the store, so that the
//!   objects that git wrote are walked and fsynced before it. One call. `put`: 50 further calls.
//! - `rollback`: of one path. In a history, this is the path with ten versions, whose newest version is a twentieth of the history old.
//!   Elsewhere it is any path, whose module is removed. Five durable calls.
//! - `RSS`: the resident memory of the process at the end, and its peak, including mapped packs.
//!
//! Each cell contains the median and the 99th percentile, or only the median, of at most `--samples` calls and at most one call per path.
//! An operation is repeated for at most three seconds. If its first call takes longer, the cell contains that call. `(3x)` is the number
//! of calls, if there are fewer than ten.
//!
//! **git** is measured before the operations, on the imported store. `git log --format=%H -- PATH`, `git rev-parse HEAD:PATH` and
//! `wasmstore hash /PATH` are measured as processes, from start to exit; `git --version` shows the cost of a process alone. One
//! `git cat-file --batch` process reads the same paths as `find`, in order, as `HEAD:PATH`. The last column is the ratio of `git log`, a
//! command, to `versions` of the other table, a call in a running process. Both must find all versions.
//!
//! **Special cases** (`--many`, `--versions`): a module at many paths, found by hash and removed by hash; a merge of two diverged
//! branches, one of which adds many paths; and a gc of many versions of one module of 500,000 bytes, where eight bytes change from one
//! version to the next and compression halves the size, by `Store::gc` with all history kept and by plain `git gc` in a copy. git counts
//! commits and paths afterwards.

#[path = "../post/disk.rs"]
#[expect(dead_code, reason = "only the bench `post` uses `sync`")]
mod disk;
mod git;
mod import;
mod interrupt;
mod modules;
mod operations;
mod options;
mod peers;
mod report;
mod run;
mod samples;
mod shape;
mod special_cases;
mod subprocess;

use std::process::ExitCode;

use clap::Parser as _;

use options::Options;

/// The result of a step. An error ends the run and is printed.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let options = Options::parse();
    let result = match &options.measure {
        Some(shape) => subprocess::run_as_subprocess(*shape, &options),
        None if options.bench => measure(options),
        None => {
            println!("nothing is measured: run `cargo bench --bench store`");
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("store: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: Options) -> Result<()> {
    std::fs::create_dir_all(&options.dir)?;
    let scratch = tempfile::Builder::new()
        .prefix("store-")
        .disable_cleanup(options.keep)
        .tempdir_in(&options.dir)?;
    let dir = scratch.path().to_owned();
    if options.keep {
        println!("the stores are kept in {}", dir.display());
    }
    interrupt::interruptible(move || run::run(&options, &dir))
}
