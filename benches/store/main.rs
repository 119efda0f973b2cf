//! Measures how the operations of a store grow with what is in it: modules, modules in one folder, commits; beside stock git on
//! the same stores, in the same run.
//!
//!     cargo bench --bench store              # all of it: long, and some gigabytes at a time
//!     cargo bench --bench store -- --sizes 1k,10k --flat 1k --commits 1k --parts stores,histories
//!     cargo bench --bench store -- --help
//!
//! Everything happens on one machine, in one folder that has to be on a real disk (`--dir`, by default beside the build's
//! files), and is removed again. What a write of 4 KiB with its fsync takes there is told first. The machine should do nothing
//! else.
//!
//! **The stores** are created by `Store::open_or_create` and filled by `git fast-import`, and stay packed as that leaves them, for
//! us and for git: one pack, its deltas those of the import. A `fan` of N modules is one commit of modules of 64 bytes, in a
//! hundred folders of a hundred, `/m/ab/cd/<n>.wasm`; a `flat` one is the same in the one folder `/m` (the import of which takes
//! git a time quadratic in N). A `history` of N commits adds or changes one module of 4 KiB with each commit, in the same hundred
//! folders of a hundred: the first half of the commits adds, the second gives each module its second version. But ten commits,
//! in the middle of each tenth of the history, give one path its ten versions. Histories have a commit-graph with changed paths,
//! as `git commit-graph write --reachable --changed-paths` makes it; git is slow without. No two modules are the same.
//!
//! **Operations** are calls of `wasmstore::store::Store` in a process that does nothing else and exists for one store, so that
//! its memory is told. The files are in the system's cache: they were written a moment ago, and git has read in them. The
//! columns:
//!
//! - `open, find`: `Store::open` and the first `find` by path, which is all that a command does.
//! - `catch-up`: the first `versions` in a store that was never indexed. Once.
//! - `find`: by a path that this process never asked for before, while more and more of the folders are remembered; `again`: the
//!   same paths once more. Paths are pseudo-random, and the same in each run.
//! - `hash`, `digest`: the hash of a module that is given by its hash, or by its SHA-256. The first call is not counted as
//!   everywhere; with a digest it may be the one that reads all modules.
//! - `list`: `list_page` of up to 100 modules of a folder with all below it, after a pseudo-random one. In a fan the folder is
//!   `/m/ab`, and small stores have less than 100 modules in it.
//! - `versions`: of the path with ten versions in a history, of any path with its one version elsewhere.
//! - `first put`: one more module, at a new path, durable: one commit and its flushes. It is the first change since git wrote the
//!   store, so all that git wrote is looked through and flushed before. Once. `put`: 50 more, without that.
//! - `rollback`: of one path. In a history it is the one with ten versions, whose newest is a twentieth of the history back;
//!   else any, whose module is removed then. Five of them, durable as well.
//! - `RSS`: of the process after all that, and the most that it ever was. Mapped packs count.
//!
//! Each cell is the median and the 99th percentile, or the median alone, of up to `--samples` calls, and no more than there are
//! paths. An operation is given three seconds: one that takes long is called less often, and if the first call takes longer
//! than that, it is the cell. `(3x)` tells of fewer than ten calls.
//!
//! **Git** is asked before the operations are measured, when each store is as it was imported. `git log --format=%H -- PATH` and
//! `git rev-parse HEAD:PATH` are commands, and their times those of processes from start to end, as is `wasmstore hash /PATH`
//! beside them; `git --version` tells what a process alone takes. `git cat-file --batch` is kept open and asked for the same
//! paths as `find`, one after another, by `HEAD:PATH`. The last column is how often the `versions` of the other table, a call
//! in a process that is there already, fits into `git log`, a command. Both have to find as many versions as were made.
//!
//! **Special cases** (`--many`, `--versions`): a module that is at many paths, found by hash and removed by hash; a merge of two
//! branches that went apart, of which one brings many paths; many versions of one module of 500,000 bytes, of which eight bytes
//! change from one to the next and half compresses away, collected by `Store::gc` with all history kept, and by plain `git gc`
//! in a copy. Git counts commits and paths afterwards.

mod catch_up;
mod child;
#[path = "../post/disk.rs"]
#[expect(dead_code, reason = "`settle` is for servers")]
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
mod special;

use std::process::ExitCode;

use clap::Parser as _;

use options::Options;

/// What goes wrong ends the run, and is told.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let options = Options::parse();
    let ended = match &options.measure {
        Some(shape) => child::answer(*shape, &options),
        None if options.bench => measure(options),
        None => {
            println!("nothing is measured: run `cargo bench --bench store`");
            Ok(())
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("store: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: Options) -> Result<()> {
    std::fs::create_dir_all(&options.dir)?;
    let made = tempfile::Builder::new()
        .prefix("store-")
        .disable_cleanup(options.keep)
        .tempdir_in(&options.dir)?;
    let dir = made.path().to_owned();
    if options.keep {
        println!("what is made is kept: {}", dir.display());
    }
    interrupt::interruptible(move || run::run(&options, &dir))
}
