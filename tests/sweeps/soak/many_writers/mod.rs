//! Many write at the same time: threads and processes, through the library, through two servers, and past both of them by stock
//! git, while garbage is collected every second. What they did has to be one line of commits that agrees with what each was told.

mod doors;
mod event;
mod judge;
mod outside;
mod processes;
mod work;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use self::doors::{Library, Servers};
use self::event::Event;
use self::judge::{count, judge, judge_counters, judge_newest};
use self::outside::Way;
use self::work::Worker;
use super::chain::Chain;
use crate::support::client::Client;
use crate::support::program::World;
use crate::support::random::size;
use crate::support::server::Server;

const PROCESSES: u64 = 8;
const THREADS: u64 = 8;
const CLIENTS: u64 = 16;
/// Where stock git writes too: it reads the tip long before it moves the ref, and would come too late for ever.
const CLIENTS_BESIDE_GIT: u64 = 4;
const PAUSE_BESIDE_GIT: Duration = Duration::from_millis(300);
/// The load of the short forms.
const SHORT: Duration = Duration::from_secs(4);
const GC_EVERY: Duration = Duration::from_secs(1);

fn long() -> Duration {
    Duration::from_secs(size("SOAK_SECONDS", 90))
}

/// Does `work` while another thread does `beside` until it is told to stop.
fn beside<W, B: Send>(
    beside: impl Fn(&AtomicBool) -> B + Sync,
    work: impl FnOnce() -> W,
) -> (W, B) {
    let stop = AtomicBool::new(false);
    /// Also when the work panics: nothing else would end the other thread.
    struct Stop<'s>(&'s AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    thread::scope(|scope| {
        let other = scope.spawn(|| beside(&stop));
        let worked = {
            let _stop = Stop(&stop);
            work()
        };
        (worked, other.join().unwrap())
    })
}

/// Does two things at the same time.
fn both<A: Send, B>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let a = scope.spawn(a);
        let b = b();
        (a.join().unwrap(), b)
    })
}

/// How the collections ended.
#[derive(Debug, Default)]
struct Collections {
    done: u64,
    busy: u64,
}

/// Collects every second.
fn collect(world: &World, args: &[&str], stop: &AtomicBool) -> Collections {
    let mut collections = Collections::default();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let ran = world.run(&[&["gc"], args].concat());
        match ran.code {
            Some(0) => collections.done += 1,
            _ if ran.err.contains("busy") => collections.busy += 1,
            _ => panic!("gc: {ran:?}"),
        }
        while began.elapsed() < GC_EVERY && !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
    }
    collections
}

/// Puts down what the workers begin with.
fn prepare(root: &Path) -> Vec<Event> {
    let options = wasmstore::config::Options::default();
    let format = wasmstore::store::ObjectFormat::Sha1;
    let store = wasmstore::store::Store::open_or_create(root, options, format).unwrap();
    Worker::new(&mut Library(&store), u64::MAX, "main").prepare()
}

/// Clients that go to the servers in turn, and rest in between.
fn clients(servers: &[Server], count: u64, pause: Duration, load: Duration) -> Vec<Event> {
    thread::scope(|scope| {
        let work = |number: u64| {
            let connect = |server: &Server| Client::connect(server.address).unwrap();
            let mut door = Servers {
                clients: servers.iter().map(connect).collect(),
                next: number as usize % servers.len(),
            };
            scope.spawn(move || {
                let mut worker = Worker::new(&mut door, number, "main");
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

fn report(what: &str, events: &[Event], load: Duration, besides: &str) {
    let figures = count(events);
    let rate = figures.wrote as f64 / load.as_secs_f64();
    println!("{what}: {rate:.0} writes/s; {figures:?}; {besides}; lost = 0");
}

fn processes(load: Duration) {
    let world = World::empty();
    let root = world.root();
    let mut events = prepare(&root);
    let (done, gcs) = beside(
        |stop| collect(&world, &["--keep-history"], stop),
        || processes::work(&root, PROCESSES, THREADS, load),
    );
    events.extend(done);
    count(&events);
    let chain = Chain::read(&root, "main");
    judge(&chain, &events);
    judge_counters(&chain, &events);
    judge_newest(&chain, &events);
    world.fsck();
    let besides = format!("{gcs:?}");
    report("8 processes x 8 threads", &events, load, &besides);
}

fn squashed(load: Duration) {
    let world = World::empty();
    let root = world.root();
    let mut events = prepare(&root);
    let (done, gcs) = beside(
        |stop| collect(&world, &[], stop),
        || processes::work(&root, PROCESSES, THREADS, load),
    );
    events.extend(done);
    count(&events);
    judge_newest(&Chain::read(&root, "main"), &events);
    world.fsck();
    let besides = format!("{gcs:?}");
    report("8 processes x 8 threads, squashed", &events, load, &besides);
}

fn servers(load: Duration) {
    let world = World::empty();
    let root = world.root();
    let mut events = prepare(&root);
    let servers = [Server::start(&world, &[]), Server::start(&world, &[])];
    let (done, (followed, gcs)) = beside(
        |stop| {
            both(
                || outside::follow(&root, "main", stop),
                || collect(&world, &["--keep-history"], stop),
            )
        },
        || clients(&servers, CLIENTS, Duration::ZERO, load),
    );
    events.extend(done);
    let chain = Chain::read(&root, "main");
    judge(&chain, &events);
    judge_counters(&chain, &events);
    judge_newest(&chain, &events);
    world.fsck();
    let besides = format!("{gcs:?}, outside moves = {followed}");
    report("2 servers, 16 clients", &events, load, &besides);
}

fn outside(load: Duration) {
    let world = World::empty();
    let root = world.root();
    let mut events = prepare(&root);
    let servers = [Server::start(&world, &[]), Server::start(&world, &[])];
    let (done, (moved, pushed)) = beside(
        |stop| {
            both(
                || outside::commit(&root, "main", Way::UpdateRef, stop),
                || outside::commit(&root, "main", Way::Push, stop),
            )
        },
        || clients(&servers, CLIENTS_BESIDE_GIT, PAUSE_BESIDE_GIT, load),
    );
    let (by_git, by_push) = (count(&moved), count(&pushed));
    events.extend(done.into_iter().chain(moved).chain(pushed));
    let chain = Chain::read(&root, "main");
    judge(&chain, &events);
    judge_counters(&chain, &events);
    judge_newest(&chain, &events);
    world.fsck();
    assert!(
        by_git.wrote > 0 && by_push.wrote > 0,
        "{by_git:?} {by_push:?}"
    );
    let besides = format!("git update-ref: {by_git:?}, git push: {by_push:?}");
    report("2 servers, 4 clients, stock git", &events, load, &besides);
}

fn pushed(load: Duration) {
    let world = World::empty();
    let root = world.root();
    let mut events = prepare(&root);
    let servers = [Server::start(&world, &[]), Server::start(&world, &[])];
    let (done, (moved, gcs)) = beside(
        |stop| {
            both(
                || outside::commit(&root, "main", Way::Push, stop),
                || collect(&world, &["--keep-history"], stop),
            )
        },
        || clients(&servers, CLIENTS_BESIDE_GIT, PAUSE_BESIDE_GIT, load),
    );
    let by_push = count(&moved);
    events.extend(done.into_iter().chain(moved));
    let chain = Chain::read(&root, "main");
    judge(&chain, &events);
    judge_counters(&chain, &events);
    judge_newest(&chain, &events);
    world.fsck();
    assert!(by_push.wrote > 0, "{by_push:?}");
    let besides = format!("{gcs:?}, git push: {by_push:?}");
    report("2 servers, 4 clients, git push", &events, load, &besides);
}

#[test]
fn processes_and_threads_make_one_line_of_all_that_they_were_told() {
    processes(SHORT);
}

#[test]
#[ignore = "takes SOAK_SECONDS=90 and as long again to judge"]
fn processes_and_threads_make_one_line_of_all_that_they_were_told_for_long() {
    processes(long());
}

#[test]
fn no_value_is_lost_to_a_squash() {
    squashed(SHORT);
}

#[test]
#[ignore = "takes SOAK_SECONDS=90"]
fn no_value_is_lost_to_a_squash_for_long() {
    squashed(long());
}

#[test]
fn two_servers_on_one_root_are_one_store() {
    servers(SHORT);
}

#[test]
#[ignore = "takes SOAK_SECONDS=90 and as long again to judge"]
fn two_servers_on_one_root_are_one_store_for_long() {
    servers(long());
}

#[test]
fn pushes_and_collections_are_in_no_other_s_way() {
    pushed(SHORT);
}

#[test]
#[ignore = "takes SOAK_SECONDS=90 and as long again to judge"]
fn pushes_and_collections_are_in_no_other_s_way_for_long() {
    pushed(long());
}

#[test]
fn stock_git_is_one_more_writer() {
    outside(SHORT);
}

#[test]
#[ignore = "takes SOAK_SECONDS=90 and as long again to judge"]
fn stock_git_is_one_more_writer_for_long() {
    outside(long());
}
