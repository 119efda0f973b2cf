//! Watching a branch: every commit is reported once, whichever process made it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::store::{Scratch, branch, git_with_input, module, on, path, scope};
use wasmstore::config::Options;
use wasmstore::names::ModuleRef;
use wasmstore::store::{
    Change, DirectoryRemoval, Event, History, ObjectFormat, PollResult, Revision, Store, Watcher,
};

const LONG: Duration = Duration::from_secs(20);

/// Waits for `count` events.
fn collect(watcher: &mut Watcher<'_>, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    while events.len() < count {
        let more = watcher.next(LONG).unwrap();
        assert!(
            !more.is_empty(),
            "received only {} of {count} events",
            events.len()
        );
        events.extend(more);
    }
    assert_eq!(events.len(), count);
    events
}

/// Applies events to a tree, and checks that the old hash of each change is the one in the tree.
fn apply(tree: &mut BTreeMap<String, String>, events: &[Event]) {
    for change in events.iter().flat_map(|event| &event.changes) {
        let path = change.path.to_string();
        assert_eq!(
            tree.remove(&path),
            change.old.map(|hash| hash.to_string()),
            "{path}"
        );
        if let Some(new) = change.new {
            tree.insert(path, new.to_string());
        }
    }
}

fn tree(s: &Scratch) -> BTreeMap<String, String> {
    let list = s.store.list(&Revision::default(), &scope("")).unwrap();
    list.into_iter()
        .map(|(path, hash)| (path.to_string(), hash.to_string()))
        .collect()
}

#[test]
fn commits_of_another_handle_are_reported_once_and_in_order() {
    let s = Scratch::new();
    let mut watcher = s.store.watch(None, None).unwrap();
    assert_eq!(watcher.next(Duration::ZERO).unwrap(), []);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let other =
                Store::open_or_create(&s.root, Options::default(), ObjectFormat::Sha1).unwrap();
            for n in 0..30u32 {
                let target = path(&format!("p{}", n % 5));
                other
                    .put(&Change::default(), &target, module(n).as_slice())
                    .unwrap();
            }
            other
                .remove(
                    &Change::default(),
                    &ModuleRef::Path(path("p0")),
                    DirectoryRemoval::Refuse,
                )
                .unwrap();
        });
        let events = collect(&mut watcher, 31);
        let mut seen = BTreeMap::new();
        apply(&mut seen, &events);
        assert_eq!(seen, tree(&s));
        assert!(
            events
                .iter()
                .all(|event| !event.reset && event.changes.len() == 1)
        );
        let ids: Vec<_> = events
            .iter()
            .map(|event| event.commit.id.to_string())
            .collect();
        let log = s.git(&["rev-list", "--reverse", "main"]);
        assert_eq!(ids, log.lines().skip(1).collect::<Vec<_>>());
    });
}

#[test]
fn reset_squash_and_merge_report_the_whole_difference() {
    let s = Scratch::new();
    s.put("a", 1);
    let two = s.put("a", 2);
    let mut seen = tree(&s);
    let mut watcher = s.store.watch(None, None).unwrap();
    s.put("b", 3);
    s.git(&["update-ref", "refs/heads/main", &format!("{two}^")]);
    let events = collect(&mut watcher, 1);
    assert!(events[0].reset);
    apply(&mut seen, &events);
    assert_eq!(seen, tree(&s));

    s.put("c", 4);
    apply(&mut seen, &collect(&mut watcher, 1));
    s.store.gc(&Change::default(), History::Squash).unwrap();
    let events = collect(&mut watcher, 1);
    assert!(events[0].reset && events[0].changes.is_empty());

    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    s.put_on(Some("side"), "x", 5);
    s.put_on(Some("side"), "y", 6);
    s.put("d", 7);
    s.store.merge(&Change::default(), &branch("side")).unwrap();
    let events = collect(&mut watcher, 2);
    assert!(events.iter().all(|event| !event.reset));
    assert_eq!(
        events[1].changes.len(),
        2,
        "the merge is diffed to its first parent"
    );
    apply(&mut seen, &events);
    assert_eq!(seen, tree(&s));
}

#[test]
fn empty_commits_are_reported_and_other_branches_are_not() {
    let s = Scratch::new();
    s.put("a", 1);
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    let mut watcher = s.store.watch(Some(&branch("side")), None).unwrap();
    s.put("b", 2);
    assert_eq!(watcher.next(Duration::from_millis(300)).unwrap(), []);
    let commit = s.git(&["commit-tree", "-m", "nothing", "-p", "side", "side^{tree}"]);
    s.git(&["update-ref", "refs/heads/side", commit.trim()]);
    let events = collect(&mut watcher, 1);
    assert_eq!((events[0].changes.len(), events[0].reset), (0, false));
    s.store.delete_branch(&branch("side"), None).unwrap();
    assert!(watcher.next(LONG).is_err());
}

#[test]
fn since_replays_the_commits_after_a_commit() {
    let s = Scratch::new();
    let one = s.put("a", 1);
    s.put("a", 2);
    s.put("b", 3);
    let mut watcher = s.store.watch(None, Some(one)).unwrap();
    let events = collect(&mut watcher, 2);
    assert_eq!(events[0].changes[0].path, path("a"));
    assert_eq!(events[1].changes[0].old, None);
    assert!(
        s.store
            .watch(None, Some("0".repeat(40).parse().unwrap()))
            .is_err()
    );
    assert!(s.store.watch(Some(&branch("none")), None).is_err());
    assert!(
        s.store
            .put(&on(None), &path("c"), module(1).as_slice())
            .is_ok()
    );
}

#[test]
fn watcher_loses_nothing_by_a_gc_before_its_first_poll() {
    let s = Scratch::new();
    s.put("a", 1);
    let mut seen = tree(&s);
    let mut watcher = s.store.watch(None, None).unwrap();
    s.put("a", 2);
    s.put("b", 3);
    s.store.gc(&Change::default(), History::Squash).unwrap();
    let events = collect(&mut watcher, 1);
    assert!(events[0].reset);
    apply(&mut seen, &events);
    assert_eq!(seen, tree(&s));
    s.put("c", 4);
    apply(&mut seen, &collect(&mut watcher, 1));
    assert_eq!(seen, tree(&s));
}

/// Makes commits on the default branch with git alone. Each adds a path of its own and changes a common one.
fn long_history(s: &Scratch, count: usize) {
    use std::fmt::Write as _;
    let mut input = String::new();
    let mut from = "from refs/heads/main^0\n";
    for n in 0..count {
        let head = "commit refs/heads/main\ncommitter A <a> 1 +0000\ndata 1\nx\n";
        let data = format!("inline p{n}\ndata 1\n{}\n", n % 10);
        let common = format!("inline all\ndata 1\n{}\n", n % 10);
        write!(input, "{head}{from}M 100644 {data}M 100644 {common}").unwrap();
        from = "";
    }
    let import = ["fast-import", "--quiet", "--force"];
    git_with_input(&s.root, &import, &input);
}

#[test]
fn long_history_is_reported_in_batches() {
    let s = Scratch::new();
    let start = s.tip();
    long_history(&s, 1000);
    let mut watcher = s.store.watch(None, Some(start)).unwrap();
    let (mut seen, mut batches, mut reported) = (BTreeMap::new(), 0, Vec::new());
    loop {
        let events = watcher.poll().unwrap();
        if events.is_empty() {
            break;
        }
        assert!(events.len() <= 256);
        apply(&mut seen, &events);
        reported.extend(events.iter().map(|event| event.commit.id.to_string()));
        batches += 1;
        if batches == 2 {
            s.put("concurrent", 1);
        }
    }
    assert!(batches >= 4, "{batches}");
    let log = s.git(&["rev-list", "--reverse", "main"]);
    assert_eq!(reported, log.lines().skip(1).collect::<Vec<_>>());
    assert_eq!(seen, tree(&s));
}

#[test]
fn reset_and_gc_during_a_long_replay_are_reported() {
    let s = Scratch::new();
    let start = s.tip();
    long_history(&s, 600);
    let mut watcher = s.store.watch(None, Some(start)).unwrap();
    let mut cursor = s.store.cursor(None, Some(start)).unwrap();
    let mut seen = BTreeMap::new();
    apply(&mut seen, &watcher.poll().unwrap());
    assert!(matches!(cursor.poll(&s.store), Ok(PollResult::Events(events)) if !events.is_empty()));
    s.git(&["update-ref", "refs/heads/main", "main~550"]);
    s.put("other", 1);
    s.store.gc(&Change::default(), History::Squash).unwrap();
    // A new handle sees what is on disk now. The old one may still have deleted packs open.
    let fresh = Store::open(&s.root, Options::default()).unwrap();
    let results = std::iter::repeat_with(|| cursor.poll(&fresh).unwrap());
    let mut after_events = results
        .skip_while(|result| matches!(result, PollResult::Events(events) if !events.is_empty()));
    assert_eq!(after_events.next(), Some(PollResult::CommitDropped));
    loop {
        let events = watcher.poll().unwrap();
        if events.is_empty() {
            break;
        }
        apply(&mut seen, &events);
    }
    assert_eq!(seen, tree(&s));
}

#[test]
fn cursor_without_content_reports_a_squash_to_the_same_content() {
    let s = Scratch::new();
    s.put("a", 1);
    s.put("a", 2);
    let mut cursor = s.store.cursor(None, None).unwrap();
    assert_eq!(
        cursor.poll(&s.store).unwrap(),
        PollResult::Events(Vec::new())
    );
    s.store.gc(&Change::default(), History::Squash).unwrap();
    let fresh = Store::open(&s.root, Options::default()).unwrap();
    let PollResult::Events(events) = cursor.poll(&fresh).unwrap() else {
        panic!("the commit was dropped");
    };
    assert_eq!(events.len(), 1);
    assert!(events[0].reset && events[0].changes.is_empty());
    assert_eq!(cursor.position().unwrap().commit(), s.tip());
}
