//! Changes that share a batch, when one of them or all of them fail.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fail::FailScenario;
use tokio_util::sync::CancellationToken;
use wasmstore::config::{Options, ServerLimits};
use wasmstore::http::{Server, ServerOptions, router};
use wasmstore::names::BranchName;
use wasmstore::store::{Change, EntityTags, Error, ErrorKind, Precondition, Revision, Store};

use super::support::store::{Scratch, branch, git, module, on, path};
use super::{check_sound, leftovers};

/// How many changes a test's batch has.
const CHANGES: u32 = 8;

type Results = Vec<std::thread::Result<Result<(), Error>>>;

/// Blocks the first change that creates its pack, until it is released.
struct BlockedChange {
    arrived: Receiver<()>,
    release: Sender<()>,
}

impl BlockedChange {
    fn begin() -> Self {
        let (arrived_sender, arrived) = channel();
        let (release, released) = channel();
        let released = Mutex::new(Some(released));
        let callback = move || {
            if let Some(released) = released.lock().unwrap().take() {
                arrived_sender.send(()).unwrap();
                released.recv().unwrap();
            }
        };
        fail::cfg_callback("create pack", callback).unwrap();
        Self { arrived, release }
    }

    fn wait(&self) {
        self.arrived.recv_timeout(Duration::from_secs(30)).unwrap();
    }

    fn release(&self) {
        self.release.send(()).unwrap();
        fail::remove("create pack");
    }
}

/// Blocks one change until `CHANGES` others wait for it, so that they form one batch; then injects the fault and releases it.
fn in_one_batch(
    s: &Scratch,
    fault: impl FnOnce(),
    change: impl Fn(u32) -> Result<(), Error> + Sync,
) -> Results {
    let blocked = BlockedChange::begin();
    // On a slow machine, deciding them all takes longer than a batch may otherwise be open.
    fail::cfg("batches of any age", "return").unwrap();
    std::thread::scope(|threads| {
        let first = threads.spawn(|| s.put("first", 100));
        blocked.wait();
        let waiting = waiting_changes();
        let change = &change;
        let others: Vec<_> = (0..CHANGES)
            .map(|n| threads.spawn(move || change(n)))
            .collect();
        wait_until(|| waiting() == CHANGES);
        fail::remove("wait for the slot");
        fault();
        blocked.release();
        first.join().unwrap();
        let results = others.into_iter().map(|other| other.join()).collect();
        fail::remove("batches of any age");
        results
    })
}

/// Returns a function that counts the changes that wait for their turn from now on.
fn waiting_changes() -> impl Fn() -> u32 {
    let waiting = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&waiting);
    let count = move || {
        counter.fetch_add(1, Ordering::SeqCst);
    };
    fail::cfg_callback("wait for the slot", count).unwrap();
    move || waiting.load(Ordering::SeqCst)
}

fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition was not reached");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn packs(s: &Scratch) -> usize {
    std::fs::read_dir(s.root.join("objects/pack"))
        .unwrap()
        .count()
        / 2
}

fn put(s: &Scratch, change: &Change, at: &str, n: u32) -> Result<(), Error> {
    s.store
        .put(change, &path(at), module(n).as_slice())
        .map(drop)
}

fn kinds(results: &Results) -> Vec<Option<ErrorKind>> {
    let kind = |result: &std::thread::Result<Result<(), Error>>| match result {
        Ok(result) => result.as_ref().err().map(Error::kind),
        Err(_) => panic!("a change panicked"),
    };
    results.iter().map(kind).collect()
}

fn commits(s: &Scratch) -> usize {
    s.git(&["rev-list", "--first-parent", "main"])
        .lines()
        .count()
}

fn if_absent() -> Change {
    let precondition = Precondition {
        if_match: None,
        if_none_match: Some(EntityTags::Any),
    };
    Change {
        precondition,
        ..Change::default()
    }
}

#[test]
fn waiting_changes_share_one_pack_and_each_gets_its_own_commit() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    let results = in_one_batch(
        &s,
        || (),
        |n| put(&s, &Change::default(), &n.to_string(), n),
    );
    assert_eq!(kinds(&results), [None; 8]);
    assert_eq!(
        packs(&s),
        2,
        "one pack of the first change, and one of the others"
    );
    assert_eq!(commits(&s), 2 + CHANGES as usize);
    check_sound(&s);
    scenario.teardown();
}

#[test]
fn a_refused_change_does_not_affect_the_others() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    // Two changes are invalid. The others all create the same path if it is absent, and only one of them can succeed.
    let change = |n| match n {
        0 => put(&s, &Change::default(), "first/below", 1),
        1 => put(&s, &on(Some("unknown")), "x", 1),
        n => put(&s, &if_absent(), "wanted", n),
    };
    let kinds = kinds(&in_one_batch(&s, || (), change));
    assert_eq!(
        kinds[..2],
        [Some(ErrorKind::Conflict), Some(ErrorKind::NotFound)]
    );
    let won = kinds[2..].iter().filter(|kind| kind.is_none()).count();
    let lost = kinds[2..]
        .iter()
        .filter(|kind| **kind == Some(ErrorKind::Precondition));
    assert_eq!((won, lost.count()), (1, 5));
    assert_eq!(commits(&s), 3);
    check_sound(&s);
    scenario.teardown();
}

#[test]
fn a_failed_fsync_fails_the_batch_and_a_dependent_refusal_is_decided_again() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    // The first change passes this failpoint twice before the batch does.
    let fault = || fail::cfg("fsync pack", "2*off->1*return(28)").unwrap();
    let kinds = kinds(&in_one_batch(&s, fault, |n| {
        put(&s, &if_absent(), "wanted", n)
    }));
    let full = kinds
        .iter()
        .filter(|kind| **kind == Some(ErrorKind::Full))
        .count();
    let done = kinds.iter().filter(|kind| kind.is_none()).count();
    assert_eq!(
        (full, done),
        (1, 1),
        "one failed, so another one created the path: {kinds:?}"
    );
    assert_eq!(commits(&s), 3);
    assert_eq!(leftovers(&s), 0);
    check_sound(&s);
    scenario.teardown();
}

#[test]
fn a_full_disk_fails_every_change_of_the_batch_and_retries_succeed() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    let fault = || fail::cfg("write index", "1*off->1*return(28)").unwrap();
    let change = |n: u32| put(&s, &Change::default(), &n.to_string(), n);
    let results = in_one_batch(&s, fault, change);
    assert_eq!(kinds(&results), [Some(ErrorKind::Full); 8]);
    assert_eq!(
        s.store
            .list(&Revision::default(), &"".parse().unwrap())
            .unwrap()
            .len(),
        1
    );
    (0..CHANGES).for_each(|n| change(n).unwrap());
    assert_eq!(commits(&s), 2 + CHANGES as usize);
    check_sound(&s);
    scenario.teardown();
}

#[test]
fn an_outside_move_between_decision_and_swap_has_all_changes_of_the_branch_decided_again() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    s.put("shared", 1);
    let old = module_hash(&s, "shared");
    let other: BranchName = branch("other");
    s.store.create_branch(&other, &Revision::default()).unwrap();
    let root = s.root.clone();
    // When the batch is about to move main, git moves it to a commit with another version of the shared module.
    s.put_on(Some("other"), "shared", 2);
    let theirs = git(&root, &["rev-parse", "other"]).trim().to_owned();
    let fault = || {
        let moved = std::sync::atomic::AtomicUsize::new(0);
        let callback = move || {
            // The blocked first change already holds its lock file.
            if moved.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
                let tree = git(&root, &["rev-parse", &format!("{theirs}^{{tree}}")]);
                let parent = git(&root, &["rev-parse", "main"]);
                let commit = [
                    "commit-tree",
                    "-p",
                    parent.trim(),
                    "-m",
                    "outside",
                    tree.trim(),
                ];
                let commit = git(&root, &commit);
                git(&root, &["update-ref", "refs/heads/main", commit.trim()]);
            }
        };
        fail::cfg_callback("create ref lock", callback).unwrap();
    };
    let if_match = Some(EntityTags::OneOf(vec![old.clone()]));
    let precondition = Precondition {
        if_match,
        if_none_match: None,
    };
    let if_match = Change {
        precondition,
        ..Change::default()
    };
    let change = |n| match n {
        0 => put(&s, &if_match, "shared", 3),
        n => put(&s, &Change::default(), &n.to_string(), n),
    };
    let results = in_one_batch(&s, fault, change);
    fail::remove("create ref lock");
    let mut expected = [None; 8];
    expected[0] = Some(ErrorKind::Precondition);
    assert_eq!(
        kinds(&results),
        expected,
        "git's version does not match If-Match"
    );
    assert_eq!(s.value("shared"), Some(2));
    let subjects = s.git(&["log", "--format=%s", "main"]);
    assert!(subjects.contains("outside"), "{subjects}");
    for n in 1..CHANGES {
        assert_eq!(s.value(&n.to_string()), Some(n));
    }
    check_sound(&s);
    scenario.teardown();
}

fn module_hash(s: &Scratch, at: &str) -> String {
    s.git(&["rev-parse", &format!("main:{at}")])
        .trim()
        .to_owned()
}

#[test]
fn a_failed_branch_does_not_affect_the_other_branches_of_the_batch() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    s.put("a", 1);
    s.store
        .create_branch(&branch("other"), &Revision::default())
        .unwrap();
    let fault = || fail::cfg("rename ref", "2*off->1*return(5)").unwrap();
    let change = |n: u32| {
        let branch = if n.is_multiple_of(2) {
            None
        } else {
            Some("other")
        };
        put(&s, &on(branch), &n.to_string(), n)
    };
    let kinds = kinds(&in_one_batch(&s, fault, change));
    let evens = kinds.iter().step_by(2);
    let odds = kinds.iter().skip(1).step_by(2);
    let failed =
        |kinds: Vec<&Option<ErrorKind>>| kinds.iter().filter(|kind| kind.is_some()).count();
    let failed = (failed(evens.collect()), failed(odds.collect()));
    assert!(
        failed == (4, 0) || failed == (0, 4),
        "one branch failed: {kinds:?}"
    );
    check_sound(&s);
    scenario.teardown();
}

#[test]
fn a_merge_waits_for_the_changes_of_the_branch_that_it_merges() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    s.put("a", 1);
    s.store
        .create_branch(&branch("other"), &Revision::default())
        .unwrap();
    let change = |n: u32| match n % 2 {
        0 => put(&s, &on(Some("other")), &format!("o{n}"), n),
        _ => s
            .store
            .merge(&Change::default(), &branch("other"))
            .map(drop),
    };
    assert_eq!(kinds(&in_one_batch(&s, || (), change)), [None; 8]);
    let merged = s.store.merge(&Change::default(), &branch("other")).unwrap();
    assert_eq!(merged.commit, Some(s.tip()));
    for n in (0..CHANGES).step_by(2) {
        assert_eq!(s.value(&format!("o{n}")), Some(n));
    }
    check_sound(&s);
    scenario.teardown();
}

#[test]
fn an_error_while_staging_leaves_no_object_missing_for_later_changes() {
    let scenario = FailScenario::setup();
    // Each change looks up three trees and its commit, so these are all objects of the first change and some of the next.
    for looks in [0, 1, 2, 3, 5] {
        let s = Scratch::new();
        s.put("a", 1);
        let loose = |s: &Scratch| s.git(&["count-objects"]);
        let before = loose(&s);
        // Two changes create the same trees: what one leaves incomplete, the other must complete.
        let change = |n: u32| {
            let n = n / 2;
            put(&s, &Change::default(), &format!("d{n}/e/x"), n)
        };
        let fault = || {
            let action = format!("{looks}*off->1*return(24)");
            fail::cfg("look for loose", action.trim_start_matches("0*off->")).unwrap();
        };
        let results = in_one_batch(&s, fault, change);
        fail::remove("look for loose");
        let failed = kinds(&results);
        assert_eq!(failed.iter().flatten().count(), 1, "{results:?}");
        for n in 0..CHANGES / 2 {
            assert_eq!(s.value(&format!("d{n}/e/x")), Some(n));
        }
        assert_eq!(loose(&s), before, "everything is in packs");
        check_sound(&s);
    }
    scenario.teardown();
}

#[test]
fn clients_that_retry_refused_changes_do_not_block_others() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    s.store
        .create_branch(&branch("other"), &Revision::default())
        .unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..16 {
            threads.spawn(|| {
                let refused = |n: u32| put(&s, &on(Some("unknown")), "x", n).unwrap_err();
                (0..)
                    .take_while(|_| !done.load(Ordering::Relaxed))
                    .for_each(|_| drop(refused(1)));
            });
        }
        for n in 0..20 {
            put(&s, &Change::default(), &n.to_string(), n).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(commits(&s), 21);
    check_sound(&s);
    scenario.teardown();
}

#[test]
fn an_outside_git_lock_on_one_branch_does_not_block_another() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    s.store
        .create_branch(&branch("other"), &Revision::default())
        .unwrap();
    let lock = s.root.join("refs/heads/other.lock");
    std::fs::write(&lock, "").unwrap();
    std::thread::scope(|threads| {
        let other = threads.spawn(|| put(&s, &on(Some("other")), "o", 1));
        for n in 0..5 {
            put(&s, &Change::default(), &n.to_string(), n).unwrap();
        }
        assert!(
            !other.is_finished() && lock.exists(),
            "the change to the locked branch is still waiting"
        );
        std::fs::remove_file(&lock).unwrap();
        other.join().unwrap().unwrap();
    });
    check_sound(&s);
    scenario.teardown();
}

#[test]
fn after_a_panic_before_the_rename_the_other_changes_are_retried_and_succeed() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    let fault = || fail::cfg("rename ref", "1*off->1*panic").unwrap();
    let change = |n: u32| put(&s, &Change::default(), &n.to_string(), n);
    let results = in_one_batch(&s, fault, change);
    let panicked = results.iter().filter(|result| result.is_err()).count();
    let done = results
        .iter()
        .filter(|result| matches!(result, Ok(Ok(()))))
        .count();
    assert_eq!((panicked, done), (1, 7));
    for (n, result) in (0..).zip(&results) {
        assert_eq!(s.value(&n.to_string()), result.is_ok().then_some(n));
    }
    check_sound(&s);
    scenario.teardown();
}

#[test]
fn after_a_panic_after_the_rename_the_other_changes_may_have_been_applied() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    let fault = || fail::cfg("fsync ref directory", "1*off->1*panic").unwrap();
    let change = |n: u32| put(&s, &Change::default(), &n.to_string(), n);
    let results = in_one_batch(&s, fault, change);
    let panicked = results.iter().filter(|result| result.is_err()).count();
    let texts = results
        .iter()
        .flatten()
        .filter_map(|result| result.as_ref().err());
    let unconfirmed = texts.filter(|error| error.to_string() == "the change may have been applied");
    assert_eq!((panicked, unconfirmed.count()), (1, 7));
    for n in 0..CHANGES {
        assert_eq!(s.value(&n.to_string()), Some(n), "it was applied");
    }
    check_sound(&s);
    scenario.teardown();
}

/// Serves the store from this process, in which the failpoints are set, until the process ends.
fn serve(s: &Scratch) -> std::net::SocketAddr {
    let store = Arc::new(Store::open(&s.root, Options::default()).unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async {
            let address = "127.0.0.1:0".parse().unwrap();
            let server = Server::bind(&[address]).await.unwrap();
            let closing = CancellationToken::new();
            let bound = server.addresses();
            let app = router(store, ServerOptions::default(), bound, closing.clone());
            sender.send(bound[0].tcp().unwrap()).unwrap();
            let limits = ServerLimits::default();
            server.serve(app, None, &limits, closing).await;
        });
    });
    receiver.recv().unwrap()
}

#[test]
fn a_waiting_change_completes_after_its_client_disconnected() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    let address = serve(&s);
    let send = |n: u32| {
        let module = module(n);
        let mut client = TcpStream::connect(address).unwrap();
        let head = format!(
            "POST /api/v1/module/{n} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            module.len()
        );
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(&module).unwrap();
        client
    };
    let blocked = BlockedChange::begin();
    let waiting = send(0);
    blocked.wait();
    let changes = waiting_changes();
    let disconnecting: Vec<_> = (1..CHANGES).map(send).collect();
    wait_until(|| changes() == CHANGES - 1);
    drop(disconnecting);
    std::thread::sleep(Duration::from_millis(100));
    blocked.release();
    drop(waiting);
    wait_until(|| {
        s.store
            .list(&Revision::default(), &"".parse().unwrap())
            .unwrap()
            .len()
            == 8
    });
    assert_eq!(commits(&s), 1 + CHANGES as usize);
    check_sound(&s);
    scenario.teardown();
}
