//! Workers in processes of their own: this test program, run again.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wasmstore::config::Options;
use wasmstore::store::{ObjectFormat, Store};

use super::doors::Library;
use super::event::Event;
use super::work::Worker;
use crate::support::random::size;

/// Tells the process its number; its threads count on from there.
const WORKER: &str = "SOAK_WORKER";
const ROOT: &str = "SOAK_ROOT";
const OUT: &str = "SOAK_OUT";
const LOAD_MS: &str = "SOAK_LOAD_MS";
const THREADS: &str = "SOAK_THREADS";
/// How much longer than its load a process may run.
const GRACE: Duration = Duration::from_secs(120);

/// A process; it is killed at the end.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets many processes of many threads each work on the store at `root`, which need not exist. Returns what they did.
pub fn work(root: &Path, count: u64, threads: u64, load: Duration) -> Vec<Event> {
    let out = tempfile::tempdir().unwrap();
    let start = |process: u64| {
        let file = |kind: &str| out.path().join(format!("{process}.{kind}"));
        let mut command = Command::new(std::env::current_exe().unwrap());
        let child = command
            .args(["--exact", &format!("{}::is_run_by_others", module())])
            .env(WORKER, (process * threads).to_string())
            .env(THREADS, threads.to_string())
            .env(ROOT, root)
            .env(OUT, file("events"))
            .env(LOAD_MS, load.as_millis().to_string())
            .stdin(Stdio::null())
            .stdout(File::create(file("out")).unwrap())
            .stderr(File::create(file("err")).unwrap())
            .spawn();
        (Process(child.unwrap()), file("events"), file("err"))
    };
    let mut events = Vec::new();
    let began = Instant::now();
    for (mut process, file, err) in (0..count).map(start).collect::<Vec<_>>() {
        let status = loop {
            if let Some(status) = process.0.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < load + GRACE, "a process still runs");
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

/// This module's path among the tests.
fn module() -> &'static str {
    module_path!().split_once("::").unwrap().1
}

/// Not a test: what such a process runs. Without the others' variables it does nothing.
#[test]
fn is_run_by_others() {
    if std::env::var_os(WORKER).is_none() {
        return;
    }
    let root = std::env::var_os(ROOT).unwrap();
    let out = std::env::var_os(OUT).unwrap();
    let load = Duration::from_millis(size(LOAD_MS, 0));
    let store = Store::open_or_create(root.as_ref(), Options::default(), ObjectFormat::Sha1);
    let store = store.unwrap();
    let first = size(WORKER, 0);
    let events = std::thread::scope(|scope| {
        let work = |number| {
            let store = &store;
            scope.spawn(move || Worker::new(&mut Library(store), number, "main").work(load))
        };
        let threads = (first..first + size(THREADS, 1)).map(work);
        let threads: Vec<_> = threads.collect();
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
