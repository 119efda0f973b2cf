//! Workers in separate processes, which run this test program again.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wasmstore::config::Options;
use wasmstore::store::{ObjectFormat, Store};

use super::access::LibraryAccess;
use super::event::Event;
use super::worker::Worker;
use crate::support::random::size;

/// The variable with the number of the first worker in the process. The other threads have the following numbers.
const WORKER: &str = "SOAK_WORKER";
const ROOT: &str = "SOAK_ROOT";
const OUT: &str = "SOAK_OUT";
const LOAD_MS: &str = "SOAK_LOAD_MS";
const THREADS: &str = "SOAK_THREADS";
/// The time that a process may run longer than its load.
const GRACE: Duration = Duration::from_secs(120);

/// A process, which is killed on drop.
struct WorkerProcess(Child);

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `count` processes with `threads` workers each on the store at `root`, which is created if necessary. Returns all events.
pub fn work(root: &Path, count: u64, threads: u64, load: Duration) -> Vec<Event> {
    let out = tempfile::tempdir().unwrap();
    let start = |process: u64| {
        let file = |kind: &str| out.path().join(format!("{process}.{kind}"));
        let mut command = Command::new(std::env::current_exe().unwrap());
        let child = command
            .args([
                "--exact",
                &format!("{}::runs_the_workers_of_a_process", module()),
            ])
            .env(WORKER, (process * threads).to_string())
            .env(THREADS, threads.to_string())
            .env(ROOT, root)
            .env(OUT, file("events"))
            .env(LOAD_MS, load.as_millis().to_string())
            .stdin(Stdio::null())
            .stdout(File::create(file("out")).unwrap())
            .stderr(File::create(file("err")).unwrap())
            .spawn();
        (WorkerProcess(child.unwrap()), file("events"), file("err"))
    };
    let mut events = Vec::new();
    let start_time = Instant::now();
    for (mut process, file, err) in (0..count).map(start).collect::<Vec<_>>() {
        let status = loop {
            if let Some(status) = process.0.try_wait().unwrap() {
                break status;
            }
            assert!(start_time.elapsed() < load + GRACE, "a process still runs");
            std::thread::sleep(Duration::from_millis(20));
        };
        let reason = fs::read_to_string(err).unwrap();
        assert!(status.success(), "{status}: {reason}");
        let text = fs::read_to_string(file).unwrap();
        let read = text.lines().map(|line| serde_json::from_str(line).unwrap());
        events.extend::<Vec<Event>>(read.collect());
    }
    events
}

/// Returns the path of this module among the tests.
fn module() -> &'static str {
    module_path!().split_once("::").unwrap().1
}

/// Not a test: the main function of such a process. Does nothing without the variables.
#[test]
fn runs_the_workers_of_a_process() {
    if std::env::var_os(WORKER).is_none() {
        return;
    }
    let root = std::env::var_os(ROOT).unwrap();
    let out = std::env::var_os(OUT).unwrap();
    let load = Duration::from_millis(size(LOAD_MS, 0));
    let store =
        Store::open_or_create(root.as_ref(), Options::default(), ObjectFormat::Sha1).unwrap();
    let first = size(WORKER, 0);
    let events = std::thread::scope(|scope| {
        let work = |number| {
            let store = &store;
            scope.spawn(move || Worker::new(&mut LibraryAccess(store), number, "main").work(load))
        };
        let threads: Vec<_> = (first..first + size(THREADS, 1)).map(work).collect();
        let events = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        events.collect::<Vec<_>>()
    });
    let mut file = std::io::BufWriter::new(File::create(out).unwrap());
    for event in events {
        let line = serde_json::to_string(&event).unwrap();
        writeln!(file, "{line}").unwrap();
    }
    file.flush().unwrap();
}
