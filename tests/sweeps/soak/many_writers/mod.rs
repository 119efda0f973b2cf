//! Many concurrent writers: threads and processes, through the library, through two servers, and with stock git, while a `gc` runs every
//! second. The result must be one history of commits that agrees with the result of each operation.

mod access;
mod check;
mod event;
mod processes;
mod stock_git;
mod worker;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use self::access::{LibraryAccess, ServerAccess};
use self::check::{check_counters, check_history, check_newest, count};
use self::event::Event;
use self::stock_git::GitMethod;
use self::worker::Worker;
use super::first_parent::FirstParentHistory;
use crate::support::client::Client;
use crate::support::program::World;
use crate::support::random::size;
use crate::support::server::Server;

const PROCESSES: u64 = 8;
const THREADS: u64 = 8;
const CLIENTS: u64 = 16;
/// The number of clients and their pause if stock git writes too. git reads the tip long before it updates the ref, so that with more
/// load its updates would always be too late.
const CLIENTS_WITH_GIT: u64 = 4;
const PAUSE_WITH_GIT: Duration = Duration::from_millis(300);
/// The load of the short forms.
const SHORT: Duration = Duration::from_secs(4);
const GC_EVERY: Duration = Duration::from_secs(1);

/// Returns the load of the long forms.
fn long() -> Duration {
    Duration::from_secs(size("SOAK_SECONDS", 90))
}

/// Runs `work`, and `background` in another thread, which must end when the flag is set. Returns both results.
fn with_background<W, B: Send>(
    background: impl Fn(&AtomicBool) -> B + Sync,
    work: impl FnOnce() -> W,
) -> (W, B) {
    let stop = AtomicBool::new(false);
    /// Sets the flag on drop, so that the other thread also ends if the work panics.
    struct StopOnDrop<'s>(&'s AtomicBool);
    impl Drop for StopOnDrop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    thread::scope(|scope| {
        let thread = scope.spawn(|| background(&stop));
        let result = {
            let _stop = StopOnDrop(&stop);
            work()
        };
        (result, thread.join().unwrap())
    })
}

/// Runs two functions concurrently.
fn join<A: Send, B>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let a = scope.spawn(a);
        let b = b();
        (a.join().unwrap(), b)
    })
}

/// The outcomes of the runs of `gc`.
#[derive(Debug, Default)]
struct GcRuns {
    done: u64,
    busy: u64,
}

/// Runs `gc` every second.
fn run_gcs(world: &World, args: &[&str], stop: &AtomicBool) -> GcRuns {
    let mut runs = GcRuns::default();
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        let ran = world.run(&[&["gc"], args].concat());
        match ran.code {
            Some(0) => runs.done += 1,
            _ if ran.err.contains("busy") => runs.busy += 1,
            _ => panic!("gc: {ran:?}"),
        }
        while start.elapsed() < GC_EVERY && !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
    }
    runs
}

/// Creates the store and the modules that the workers expect.
fn prepare(root: &Path) -> Vec<Event> {
    let options = wasmstore::config::Options::default();
    let format = wasmstore::store::ObjectFormat::Sha1;
    let store = wasmstore::store::Store::open_or_create(root, options, format).unwrap();
    Worker::new(&mut LibraryAccess(&store), u64::MAX, "main").prepare()
}

/// Runs `count` clients, which use the servers in turn and pause after each operation. Returns all events.
fn clients(servers: &[Server], count: u64, pause: Duration, load: Duration) -> Vec<Event> {
    thread::scope(|scope| {
        let work = |number: u64| {
            let connect = |server: &Server| Client::connect(server.address).unwrap();
            let mut access = ServerAccess {
                clients: servers.iter().map(connect).collect(),
                next: number as usize % servers.len(),
            };
            scope.spawn(move || {
                let mut worker = Worker::new(&mut access, number, "main");
                worker.pause = pause;
                worker.work(load)
            })
        };
        let threads: Vec<_> = (0..count).map(work).collect();
        let events = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        events.collect()
    })
}

fn report(what: &str, events: &[Event], load: Duration, details: &str) {
    let counts = count(events);
    let rate = counts.wrote as f64 / load.as_secs_f64();
    println!("{what}: {rate:.0} writes/s; {counts:?}; {details}; lost = 0");
}

fn processes(load: Duration) {
    let world = World::empty();
    let root = world.root();
    let mut events = prepare(&root);
    let (done, gcs) = with_background(
        |stop| run_gcs(&world, &["--keep-history"], stop),
        || processes::work(&root, PROCESSES, THREADS, load),
    );
    events.extend(done);
    count(&events);
    let history = FirstParentHistory::read(&root, "main");
    check_history(&history, &events);
    check_counters(&history, &events);
    check_newest(&history, &events);
    world.fsck();
    let details = format!("{gcs:?}");
    report("8 processes x 8 threads", &events, load, &details);
}

fn squashed(load: Duration) {
    let world = World::empty();
    let root = world.root();
    let mut events = prepare(&root);
    let (done, gcs) = with_background(
        |stop| run_gcs(&world, &[], stop),
        || processes::work(&root, PROCESSES, THREADS, load),
    );
    events.extend(done);
    count(&events);
    check_newest(&FirstParentHistory::read(&root, "main"), &events);
    world.fsck();
    let details = format!("{gcs:?}");
    report("8 processes x 8 threads, squashed", &events, load, &details);
}

fn servers(load: Duration) {
    let world = World::empty();
    let root = world.root();
    let mut events = prepare(&root);
    let servers = [Server::start(&world, &[]), Server::start(&world, &[])];
    let (done, (followed, gcs)) = with_background(
        |stop| {
            join(
                || stock_git::follow(&root, "main", stop),
                || run_gcs(&world, &["--keep-history"], stop),
            )
        },
        || clients(&servers, CLIENTS, Duration::ZERO, load),
    );
    events.extend(done);
    let history = FirstParentHistory::read(&root, "main");
    check_history(&history, &events);
    check_counters(&history, &events);
    check_newest(&history, &events);
    world.fsck();
    let details = format!("{gcs:?}, updates by git = {followed}");
    report("2 servers, 16 clients", &events, load, &details);
}

fn outside(load: Duration) {
    let world = World::empty();
    let root = world.root();
    let mut events = prepare(&root);
    let servers = [Server::start(&world, &[]), Server::start(&world, &[])];
    let (done, (moved, pushed)) = with_background(
        |stop| {
            join(
                || stock_git::commit(&root, "main", GitMethod::UpdateRef, stop),
                || stock_git::commit(&root, "main", GitMethod::Push, stop),
            )
        },
        || clients(&servers, CLIENTS_WITH_GIT, PAUSE_WITH_GIT, load),
    );
    let (by_update_ref, by_push) = (count(&moved), count(&pushed));
    events.extend(done.into_iter().chain(moved).chain(pushed));
    let history = FirstParentHistory::read(&root, "main");
    check_history(&history, &events);
    check_counters(&history, &events);
    check_newest(&history, &events);
    world.fsck();
    assert!(
        by_update_ref.wrote > 0 && by_push.wrote > 0,
        "{by_update_ref:?} {by_push:?}"
    );
    let details = format!("git update-ref: {by_update_ref:?}, git push: {by_push:?}");
    report("2 servers, 4 clients, stock git", &events, load, &details);
}

fn pushed(load: Duration) {
    let world = World::empty();
    let root = world.root();
    let mut events = prepare(&root);
    let servers = [Server::start(&world, &[]), Server::start(&world, &[])];
    let (done, (moved, gcs)) = with_background(
        |stop| {
            join(
                || stock_git::commit(&root, "main", GitMethod::Push, stop),
                || run_gcs(&world, &["--keep-history"], stop),
            )
        },
        || clients(&servers, CLIENTS_WITH_GIT, PAUSE_WITH_GIT, load),
    );
    let by_push = count(&moved);
    events.extend(done.into_iter().chain(moved));
    let history = FirstParentHistory::read(&root, "main");
    check_history(&history, &events);
    check_counters(&history, &events);
    check_newest(&history, &events);
    world.fsck();
    assert!(by_push.wrote > 0, "{by_push:?}");
    let details = format!("{gcs:?}, git push: {by_push:?}");
    report("2 servers, 4 clients, git push", &events, load, &details);
}

#[test]
fn writes_of_processes_and_threads_are_linearizable() {
    processes(SHORT);
}

#[test]
#[ignore = "takes SOAK_SECONDS=90 and as long again to check"]
fn writes_of_processes_and_threads_are_linearizable_for_long() {
    processes(long());
}

#[test]
fn a_squash_loses_no_module() {
    squashed(SHORT);
}

#[test]
#[ignore = "takes SOAK_SECONDS=90"]
fn a_squash_loses_no_module_for_long() {
    squashed(long());
}

#[test]
fn writes_through_two_servers_are_linearizable() {
    servers(SHORT);
}

#[test]
#[ignore = "takes SOAK_SECONDS=90 and as long again to check"]
fn writes_through_two_servers_are_linearizable_for_long() {
    servers(long());
}

#[test]
fn pushes_and_gcs_do_not_block_each_other() {
    pushed(SHORT);
}

#[test]
#[ignore = "takes SOAK_SECONDS=90 and as long again to check"]
fn pushes_and_gcs_do_not_block_each_other_for_long() {
    pushed(long());
}

#[test]
fn writes_of_stock_git_are_linearizable() {
    outside(SHORT);
}

#[test]
#[ignore = "takes SOAK_SECONDS=90 and as long again to check"]
fn writes_of_stock_git_are_linearizable_for_long() {
    outside(long());
}
