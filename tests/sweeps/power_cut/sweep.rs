//! Simulates power cuts at many points of a recorded run, and checks each resulting disk.

use std::collections::{BTreeSet, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::check::{Thoroughness, check};
use super::disk::{Disk, Op};
use super::explain::explain;
use super::promises::Promises;
use super::replay::{Ignored, Replay};
use super::subset::Subset;
use super::tree;

/// How long a sweep may make no progress before it counts as hanging.
const CHECK_MAX: Duration = Duration::from_secs(120);
/// How many losses are described in full.
const TOLD_MAX: usize = 5;
/// The number of losses after which the sweep stops.
const LOSSES_MAX: usize = 60;

/// A recorded run, and its promises.
pub struct Run {
    pub log: Vec<Op>,
    pub promises: Promises,
}

/// The cuts of a sweep.
pub struct Plan {
    pub ignored: Ignored,
    /// The operation from which on they are left out.
    pub ignored_since: usize,
    /// The operations before which the power is cut.
    pub points: BTreeSet<usize>,
    /// The number of random subsets at each point, in addition to the fixed ones.
    pub seeds: u64,
    /// git checks one state in this many, and gc runs on one in eight of those.
    pub git_every: usize,
    pub stop_at_loss: bool,
}

/// The result of a sweep.
#[derive(Debug, Default)]
pub struct Figures {
    pub operations: usize,
    pub points: usize,
    /// The number of cuts, and how many of them have a disk or promises that no other cut has.
    pub cuts: usize,
    pub states: usize,
    pub by_git: usize,
    pub losses: Vec<String>,
}

/// A cut that waits to be checked.
struct Cut {
    n: usize,
    subset: Subset,
    disk: Disk,
    how: Thoroughness,
}

/// A loss by a cut.
type Loss = (usize, Subset, String);

/// What the threads of a sweep share.
struct Shared {
    run: Arc<Run>,
    plan: Plan,
    is_over: AtomicBool,
    checked: AtomicUsize,
}

impl Shared {
    fn replay(&self) -> Replay<'_> {
        Replay::new(&self.run, self.plan.ignored, self.plan.ignored_since)
    }
}

/// Carries out the plan on a run.
pub fn sweep(run: &Arc<Run>, plan: Plan) -> Figures {
    let shared = Arc::new(Shared {
        run: Arc::clone(run),
        plan,
        is_over: AtomicBool::new(false),
        checked: AtomicUsize::new(0),
    });
    let count = std::thread::available_parallelism().map_or(2, usize::from);
    let count = count.min(8);
    let (cuts, queue) = sync_channel::<Cut>(count);
    let queue = Arc::new(Mutex::new(queue));
    let (losses, found) = channel();
    let workers: Vec<_> = (0..count)
        .map(|_| {
            let (shared, queue) = (Arc::clone(&shared), Arc::clone(&queue));
            let losses = losses.clone();
            std::thread::spawn(move || work(&shared, &queue, &losses))
        })
        .collect();
    drop((losses, queue));
    let feeder = Arc::clone(&shared);
    let feeder = std::thread::spawn(move || feed(&feeder, &cuts));
    let losses = gather(&shared, &found);
    for worker in workers {
        worker.join().unwrap_or_else(|panic| resume_unwind(panic));
    }
    let figures = feeder.join().unwrap_or_else(|panic| resume_unwind(panic));
    Figures { losses, ..figures }
}

/// Replays the run, and sends the disk of each cut to the workers.
fn feed(shared: &Shared, cuts: &SyncSender<Cut>) -> Figures {
    let Shared { run, plan, .. } = shared;
    let mut figures = Figures {
        operations: run.log.len(),
        points: plan.points.len(),
        ..Figures::default()
    };
    let mut seen = HashSet::new();
    let mut replay = shared.replay();
    for n in 0..=run.log.len() {
        let subsets = match plan.points.contains(&n) {
            true => subsets(plan.seeds, n),
            false => Vec::new(),
        };
        for subset in subsets {
            let disk = replay.cut(subset);
            figures.cuts += 1;
            // Cuts with the same disk and the same promises are one case.
            if !seen.insert((disk.fingerprint(), run.promises.stage(n))) {
                continue;
            }
            figures.states += 1;
            let by_git = figures.states.is_multiple_of(plan.git_every);
            figures.by_git += usize::from(by_git);
            let with_gc = by_git && figures.by_git.is_multiple_of(8);
            let cut = Cut {
                n,
                subset,
                disk,
                how: Thoroughness { by_git, with_gc },
            };
            if shared.is_over.load(Ordering::Relaxed) || cuts.send(cut).is_err() {
                return figures;
            }
        }
        replay.step(n);
    }
    figures
}

fn work(shared: &Shared, queue: &Mutex<Receiver<Cut>>, losses: &Sender<Loss>) {
    let dir = tree::directory();
    let place = dir.path().join("disk");
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(cut) = next() {
        tree::write(&cut.disk, &place).expect("there is room");
        if let Err(loss) = attempt(&place, &shared.run.promises, &cut) {
            let is_over = &shared.is_over;
            is_over.fetch_or(shared.plan.stop_at_loss, Ordering::Relaxed);
            losses
                .send((cut.n, cut.subset, loss))
                .expect("the receiver exists");
        }
        std::fs::remove_dir_all(&place).expect("what was written can be removed");
        shared.checked.fetch_add(1, Ordering::Relaxed);
    }
}

fn attempt(place: &Path, promises: &Promises, cut: &Cut) -> Result<(), String> {
    let attempt = || check(&place.join("store"), promises, cut.n, cut.how);
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|_| Err("it panicked".to_owned()))
}

/// Waits for the workers to end, and returns what they found.
fn gather(shared: &Shared, found: &Receiver<Loss>) -> Vec<String> {
    let mut losses = Vec::new();
    let mut before = shared.checked.load(Ordering::Relaxed);
    loop {
        match found.recv_timeout(CHECK_MAX) {
            Ok((n, subset, loss)) if losses.len() < TOLD_MAX => {
                losses.push(explain(&shared.run, shared.replay(), n, subset, &loss));
            }
            Ok((n, subset, loss)) => {
                losses.push(format!("cut {n}, {subset:?}: {loss}"));
                let is_enough = losses.len() >= LOSSES_MAX;
                shared.is_over.fetch_or(is_enough, Ordering::Relaxed);
            }
            Err(RecvTimeoutError::Disconnected) => return losses,
            Err(RecvTimeoutError::Timeout) => {
                let now = shared.checked.load(Ordering::Relaxed);
                assert_ne!(now, before, "a check hangs");
                before = now;
            }
        }
    }
}

fn subsets(seeds: u64, n: usize) -> Vec<Subset> {
    let fixed = [
        Subset::Nothing,
        Subset::Everything,
        Subset::Names,
        Subset::Additions,
        Subset::Removals,
    ];
    let random = (0..seeds).map(|nth| Subset::Random(n as u64 * seeds + nth));
    fixed.into_iter().chain(random).collect()
}
