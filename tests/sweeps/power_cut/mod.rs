//! Simulated power cuts at every moment of a run lose nothing that was acknowledged.
//!
//! The store runs once on a recording file system ([`mount`]), which logs every operation, and the driver records what was acknowledged
//! between which operations ([`promises`]). For a cut before the N-th operation, the disk is computed ([`disk`]): what POSIX promises to
//! be durable, and a subset of everything else ([`subset`]): nothing, everything, names without contents, additions without removals,
//! removals without additions, and random subsets, each of which follows from a seed. This disk is written to a plain directory
//! ([`tree`]), and the store is opened there and checked for everything that was promised ([`check`]).
//!
//! As a test of the test, the same recording is replayed with fsyncs left out. Losses must be found then.

mod check;
mod cut;
mod disk;
mod driver;
mod explain;
mod model;
mod mount;
mod promises;
mod random;
mod recording;
mod replay;
mod scenario;
mod subset;
mod sweep;
mod tree;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use check::{Thoroughness, check};
use disk::{Disk, Op};
use driver::Driver;
use explain::explain;
use mount::Mounted;
use recording::{Paths, Shared};
use replay::{Ignored, Replay};
use subset::Subset;
use sweep::{Figures, Plan, Run, sweep};
use wasmstore::config::Options;
use wasmstore::store::{ObjectFormat, Store};

/// A time that no operation on the mount comes close to.
const MOUNTED_MAX: Duration = Duration::from_secs(300);

/// Runs `verb` on the mounted disk; `None` if the machine does not permit mounts.
fn mounted<T: Send + 'static>(
    shared: &Shared,
    verb: impl FnOnce(&Path) -> T + Send + 'static,
) -> Option<T> {
    let mounted = match Mounted::new(shared.clone()) {
        Ok(mounted) => mounted,
        Err(reason) => {
            // Written to the process's stderr, which the test harness does not capture: a skipped test must be visible.
            let _ = writeln!(std::io::stderr(), "SKIPPED power cut: {reason}");
            return None;
        }
    };
    let path = mounted.path().to_owned();
    let (done, is_done) = channel();
    let running = std::thread::spawn(move || {
        let answer = verb(&path);
        let _ = done.send(());
        answer
    });
    let ended = is_done.recv_timeout(MOUNTED_MAX);
    // Requests that still wait for the file system fail now.
    drop(mounted);
    assert_ne!(ended, Err(RecvTimeoutError::Timeout), "the run hangs");
    let answer = running.join();
    Some(answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

/// Records a run of `verbs` on a new store.
fn record(verbs: impl FnOnce(&mut Driver) + Send + 'static) -> Option<Arc<Run>> {
    let shared = Shared::new(Disk::new());
    let recorded = shared.clone();
    let promises = mounted(&shared, move |path| {
        let mut driver = Driver::create(recorded, &path.join("store"));
        verbs(&mut driver);
        driver.promises()
    })?;
    let log = std::mem::take(&mut shared.lock().log);
    Some(Arc::new(Run { log, promises }))
}

/// Returns the points before every operation, and the one after the last.
fn everywhere(run: &Run) -> BTreeSet<usize> {
    (0..=run.log.len()).collect()
}

/// Returns `count` points, evenly spread.
fn spread(run: &Run, count: usize) -> BTreeSet<usize> {
    let last = run.log.len();
    (0..count).map(|nth| last * nth / (count - 1)).collect()
}

fn assert_nothing_lost(what: &str, figures: &Figures) {
    let Figures {
        operations,
        points,
        cuts,
        states,
        by_git,
        losses,
    } = figures;
    let _ = writeln!(
        std::io::stderr(),
        "{what}: {operations} operations, {points} points, {cuts} cuts, {states} different states, {by_git} checked \
         by git, {} losses",
        losses.len()
    );
    assert!(losses.is_empty(), "{what}:\n{}", losses.join("\n"));
}

#[test]
fn a_cut_at_every_point_of_a_short_run_loses_nothing() {
    let Some(run) = record(scenario::short) else {
        return;
    };
    let plan = Plan {
        ignored: Ignored::None,
        ignored_since: 0,
        points: everywhere(&run),
        seeds: 1,
        git_every: 12,
        stop_at_loss: false,
    };
    assert_nothing_lost("short run", &sweep(&run, plan));
}

#[test]
fn cuts_throughout_pushes_lose_nothing() {
    let Some(run) = record(scenario::pushes) else {
        return;
    };
    let plan = Plan {
        ignored: Ignored::None,
        ignored_since: 0,
        points: spread(&run, 100),
        seeds: 1,
        git_every: 6,
        stop_at_loss: true,
    };
    assert_nothing_lost("pushes, spread points", &sweep(&run, plan));
}

#[test]
fn cuts_throughout_pushes_by_oci_clients_lose_nothing() {
    let Some(run) = record(scenario::registry) else {
        return;
    };
    let plan = Plan {
        ignored: Ignored::None,
        ignored_since: 0,
        points: spread(&run, 150),
        seeds: 1,
        git_every: 12,
        stop_at_loss: false,
    };
    assert_nothing_lost("pushes by OCI clients, spread points", &sweep(&run, plan));
    // A test of the test: without the fsync of a ref's directory, its tag is lost.
    let losses = losses(&run, Ignored::DirectoriesBelow("/store/refs"), 16);
    assert!(!losses.is_empty(), "leaving out fsyncs is not noticed");
}

/// Takes some minutes.
#[test]
#[ignore = "takes some minutes"]
fn a_cut_at_every_point_of_pushes_by_oci_clients_loses_nothing() {
    let Some(run) = record(scenario::registry) else {
        return;
    };
    let plan = Plan {
        ignored: Ignored::None,
        ignored_since: 0,
        points: everywhere(&run),
        seeds: 6,
        git_every: 8,
        stop_at_loss: false,
    };
    assert_nothing_lost("pushes by OCI clients", &sweep(&run, plan));
}

#[test]
fn cuts_throughout_a_long_run_lose_nothing() {
    let Some(run) = record(|it| scenario::long(it, 70)) else {
        return;
    };
    let plan = Plan {
        ignored: Ignored::None,
        ignored_since: 0,
        points: spread(&run, 40),
        seeds: 1,
        git_every: 6,
        stop_at_loss: false,
    };
    assert_nothing_lost("long run, spread points", &sweep(&run, plan));
}

#[test]
fn a_cut_during_gc_leaves_no_commit_graph_that_lists_deleted_commits() {
    let Some(run) = record(scenario::graphs) else {
        return;
    };
    let plan = Plan {
        ignored: Ignored::None,
        ignored_since: run.promises.created,
        // Spread points only, because git checks each disk. The long sweep has every point.
        points: spread(&run, 70),
        seeds: 0,
        git_every: 1,
        stop_at_loss: false,
    };
    assert_nothing_lost("gc twice, spread points", &sweep(&run, plan));
    let losses = losses(&run, Ignored::Directory("/store/objects/info"), 1);
    assert!(!losses.is_empty(), "its removal must be fsynced");
    println!("{}", losses[0]);
}

/// Takes about an hour.
#[test]
#[ignore = "takes about an hour"]
fn a_cut_at_every_point_of_a_long_run_loses_nothing() {
    let Some(run) = record(|it| scenario::long(it, 140)) else {
        return;
    };
    let plan = Plan {
        ignored: Ignored::None,
        ignored_since: 0,
        points: everywhere(&run),
        seeds: 6,
        git_every: 8,
        stop_at_loss: false,
    };
    assert_nothing_lost("long run", &sweep(&run, plan));
}

/// The distance of the points in one pass.
const STRIDE: usize = 8;

/// Returns what is lost at the first point with a loss when some fsyncs are left out. The points are checked in passes over distant
/// points, which find a loss sooner.
fn losses(run: &Arc<Run>, ignored: Ignored, git_every: usize) -> Vec<String> {
    let created = run.promises.created;
    let found = (0..STRIDE).map(|begin| {
        let points = created + begin..=run.log.len();
        let plan = Plan {
            ignored,
            ignored_since: created,
            points: points.step_by(STRIDE).collect(),
            seeds: 0,
            git_every,
            stop_at_loss: true,
        };
        sweep(run, plan).losses
    });
    let mut found = found.filter(|losses| !losses.is_empty());
    found.next().unwrap_or_default()
}

/// A test of the test: it finds losses when any one kind of fsync is left out.
#[test]
fn losses_are_found_without_fsyncs() {
    let Some(run) = record(scenario::short) else {
        return;
    };
    for ignored in [
        Ignored::All,
        Ignored::Files,
        Ignored::Directories,
        Ignored::FilesBelow("/store/objects"),
        Ignored::FilesBelow("/store/refs"),
        Ignored::DirectoriesBelow("/store/objects"),
        Ignored::DirectoriesBelow("/store/refs"),
        Ignored::Directory("/store"),
    ] {
        let losses = losses(&run, ignored, 16);
        assert!(!losses.is_empty(), "leaving out {ignored:?} is not noticed");
        println!("{ignored:?}: {}", losses[0]);
    }
}

/// A plain directory has other inode numbers than the recorded disk. Mounting the disk again keeps them, so that the store recognizes
/// its own notes.
#[test]
fn the_same_disk_mounted_again_is_complete() {
    let Some(run) = record(scenario::short) else {
        return;
    };
    let how = Thoroughness {
        by_git: true,
        with_gc: true,
    };
    let fixed = [Subset::Nothing, Subset::Everything, Subset::Names];
    for (n, subset, disk) in disks(&run, 12, &fixed) {
        let checked = Arc::clone(&run);
        let result = mounted(&Shared::new(disk), move |path| {
            check(&path.join("store"), &checked.promises, n, how)
        });
        if let Some(Err(loss)) = result {
            let replay = Replay::new(&run, Ignored::None, 0);
            panic!("{}", explain(&run, replay, n, subset, &loss));
        }
    }
}

#[test]
fn opening_removes_leftovers_once() {
    let Some(run) = record(scenario::short) else {
        return;
    };
    for (n, _, disk) in disks(&run, 12, &[Subset::Additions]) {
        let names = disk.inodes().map(|(_, inode)| inode.links as usize).sum();
        let shared = Shared::new(disk);
        let counted = shared.clone();
        let counts = mounted(&shared, move |path| {
            [0; 2].map(|_| {
                let before = counted.count();
                let root = path.join("store");
                Store::open_or_create(&root, Options::default(), ObjectFormat::Sha1).unwrap();
                counted.count() - before
            })
        });
        let Some([first, second]) = counts else {
            return;
        };
        assert_eq!(second, 0, "cut {n}: the second open changes nothing");
        if n >= run.promises.created {
            assert!(first <= names, "cut {n}: {first} changes to {names} names");
        }
    }
}

/// Returns the disks that some cuts leave at evenly spread points.
fn disks(run: &Run, points: usize, subsets: &[Subset]) -> Vec<(usize, Subset, Disk)> {
    let points = spread(run, points);
    let mut replay = Replay::new(run, Ignored::None, 0);
    let mut disks = Vec::new();
    for n in 0..=run.log.len() {
        if points.contains(&n) {
            disks.extend(subsets.iter().map(|it| (n, *it, replay.cut(*it))));
        }
        replay.step(n);
    }
    disks
}

/// Leaves out one fsync of the run at a time, among those after the creation that make something durable, and prints the ones whose
/// absence is not noticed. Takes some minutes.
#[test]
#[ignore = "takes some minutes"]
fn leaving_out_nearly_any_single_fsync_is_noticed() {
    let Some(run) = record(scenario::short) else {
        return;
    };
    let (mut noticed, mut unnoticed) = (0, Vec::new());
    let mut replay = Replay::new(&run, Ignored::None, 0);
    for (n, op) in run.log.iter().enumerate() {
        if let Op::Fsync { inode } = op
            && n >= run.promises.created
            && replay.disk.is_dirty(*inode)
            // The version index is derived, so nothing about it is promised.
            && !Paths::of(&replay.disk).describe(op).contains("/wasmstore/index")
        {
            let plan = Plan {
                ignored: Ignored::One(n),
                ignored_since: 0,
                points: (n..=run.log.len()).take(100).collect(),
                seeds: 0,
                git_every: 4,
                stop_at_loss: true,
            };
            if sweep(&run, plan).losses.is_empty() {
                unnoticed.push(format!("{n}: {}", Paths::of(&replay.disk).describe(op)));
            } else {
                noticed += 1;
            }
        }
        replay.step(n);
    }
    let unnoticed_list = unnoticed.join("\n");
    let _ = writeln!(
        std::io::stderr(),
        "noticed: {noticed}; not noticed:\n{unnoticed_list}"
    );
    assert!(
        noticed > unnoticed.len(),
        "leaving out most fsyncs is noticed"
    );
}
