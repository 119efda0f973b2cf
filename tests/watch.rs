//! Watching: every commit once, whoever made it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::store::{Scratch, branch, on};
use wasmstore::config::Options;
use wasmstore::names::ModuleRef;
use wasmstore::store::{
    Change, DirectoryRemoval, Event, History, ObjectFormat, PollResult, Revision, Store, Watcher,
};

const LONG: Duration = Duration::from_secs(20);

/// Waits until `count` events came.
fn collect(watcher: &mut Watcher<'_>, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    while events.len() < count {
        let more = watcher.next(LONG).unwrap();
        assert!(
            !more.is_empty(),
            "only {} of {count} events came",
            events.len()
        );
        events.extend(more);
    }
    assert_eq!(events.len(), count);
    events
}

/// Applies events to a tree, each change checked against what is there.
fn fold(tree: &mut BTreeMap<String, String>, events: &[Event]) {
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
    let list = s
        .store
        .list(&Revision::default(), &crate::support::store::scope(""))
        .unwrap();
    list.into_iter()
        .map(|(path, hash)| (path.to_string(), hash.to_string()))
        .collect()
}

#[test]
fn every_commit_of_another_handle_comes_once_and_in_order() {
    let s = Scratch::new();
    let mut watcher = s.store.watch(None, None).unwrap();
    assert_eq!(watcher.next(Duration::ZERO).unwrap(), []);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let other =
                Store::open_or_create(&s.root, Options::default(), ObjectFormat::Sha1).unwrap();
            for n in 0..30u32 {
                let at = crate::support::store::path(&format!("p{}", n % 5));
                other
                    .put(
                        &Change::default(),
                        &at,
                        crate::support::store::module(n).as_slice(),
                    )
                    .unwrap();
            }
            other
                .remove(
                    &Change::default(),
                    &ModuleRef::Path(crate::support::store::path("p0")),
                    DirectoryRemoval::Refuse,
                )
                .unwrap();
        });
        let events = collect(&mut watcher, 31);
        let mut seen = BTreeMap::new();
        fold(&mut seen, &events);
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
fn a_reset_a_squash_and_a_merge_tell_the_whole_difference() {
    let s = Scratch::new();
    s.put("a", 1);
    let two = s.put("a", 2);
    let mut seen = tree(&s);
    let mut watcher = s.store.watch(None, None).unwrap();
    s.put("b", 3);
    s.git(&["update-ref", "refs/heads/main", &format!("{two}^")]);
    let events = collect(&mut watcher, 1);
    assert!(events[0].reset);
    fold(&mut seen, &events);
    assert_eq!(seen, tree(&s));

    s.put("c", 4);
    fold(&mut seen, &collect(&mut watcher, 1));
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
    fold(&mut seen, &events);
    assert_eq!(seen, tree(&s));
}

#[test]
fn an_empty_commit_is_told_and_another_branch_is_not() {
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
fn since_replays_what_came_after_a_commit() {
    let s = Scratch::new();
    let one = s.put("a", 1);
    s.put("a", 2);
    s.put("b", 3);
    let mut watcher = s.store.watch(None, Some(one)).unwrap();
    let events = collect(&mut watcher, 2);
    assert_eq!(events[0].changes[0].path, crate::support::store::path("a"));
    assert_eq!(events[1].changes[0].old, None);
    assert!(
        s.store
            .watch(None, Some("0".repeat(40).parse().unwrap()))
            .is_err()
    );
    assert!(s.store.watch(Some(&branch("none")), None).is_err());
    assert!(
        s.store
            .put(
                &on(None),
                &crate::support::store::path("c"),
                crate::support::store::module(1).as_slice()
            )
            .is_ok()
    );
}

#[test]
fn a_collection_before_it_looked_costs_a_watcher_nothing() {
    let s = Scratch::new();
    s.put("a", 1);
    let mut seen = tree(&s);
    let mut watcher = s.store.watch(None, None).unwrap();
    s.put("a", 2);
    s.put("b", 3);
    s.store.gc(&Change::default(), History::Squash).unwrap();
    let events = collect(&mut watcher, 1);
    assert!(events[0].reset);
    fold(&mut seen, &events);
    assert_eq!(seen, tree(&s));
    s.put("c", 4);
    fold(&mut seen, &collect(&mut watcher, 1));
    assert_eq!(seen, tree(&s));
}

/// Makes commits on the default branch with git alone, each with a path of its own and one that all change.
fn long_history(s: &Scratch, count: usize) {
    use std::fmt::Write as _;
    let mut input = String::new();
    let mut from = "from refs/heads/main^0\n";
    for n in 0..count {
        let head = "commit refs/heads/main\ncommitter A <a> 1 +0000\ndata 1\nx\n";
        let data = format!("inline p{n}\ndata 1\n{}\n", n % 10);
        let also = format!("inline all\ndata 1\n{}\n", n % 10);
        write!(input, "{head}{from}M 100644 {data}M 100644 {also}").unwrap();
        from = "";
    }
    let import = ["fast-import", "--quiet", "--force"];
    crate::support::store::git_with_input(&s.root, &import, &input);
}

#[test]
fn a_long_history_is_told_in_pieces() {
    let s = Scratch::new();
    let start = s.tip();
    long_history(&s, 1000);
    let mut watcher = s.store.watch(None, Some(start)).unwrap();
    let (mut seen, mut pieces, mut told) = (BTreeMap::new(), 0, Vec::new());
    loop {
        let events = watcher.poll().unwrap();
        if events.is_empty() {
            break;
        }
        assert!(events.len() <= 256);
        fold(&mut seen, &events);
        told.extend(events.iter().map(|event| event.commit.id.to_string()));
        pieces += 1;
        if pieces == 2 {
            s.put("meanwhile", 1);
        }
    }
    assert!(pieces >= 4, "{pieces}");
    let log = s.git(&["rev-list", "--reverse", "main"]);
    assert_eq!(told, log.lines().skip(1).collect::<Vec<_>>());
    assert_eq!(seen, tree(&s));
}

#[test]
fn a_reset_or_a_collection_amid_a_long_history_is_told() {
    let s = Scratch::new();
    let start = s.tip();
    long_history(&s, 600);
    let mut watcher = s.store.watch(None, Some(start)).unwrap();
    let mut cursor = s.store.cursor(None, Some(start)).unwrap();
    let mut seen = BTreeMap::new();
    fold(&mut seen, &watcher.poll().unwrap());
    assert!(matches!(cursor.poll(&s.store), Ok(PollResult::Events(events)) if !events.is_empty()));
    s.git(&["update-ref", "refs/heads/main", "main~550"]);
    s.put("other", 1);
    s.store.gc(&Change::default(), History::Squash).unwrap();
    // Another process would see what is on the disk now; this one may have packs open that were deleted.
    let fresh = Store::open(&s.root, Options::default()).unwrap();
    let news = std::iter::repeat_with(|| cursor.poll(&fresh).unwrap());
    let mut news =
        news.skip_while(|news| matches!(news, PollResult::Events(events) if !events.is_empty()));
    assert_eq!(news.next(), Some(PollResult::CommitDropped));
    loop {
        let events = watcher.poll().unwrap();
        if events.is_empty() {
            break;
        }
        fold(&mut seen, &events);
    }
    assert_eq!(seen, tree(&s));
}

#[test]
fn a_cursor_that_remembers_nothing_tells_a_squash_of_the_same_content() {
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
        panic!("it has its content");
    };
    assert_eq!(events.len(), 1);
    assert!(events[0].reset && events[0].changes.is_empty());
    assert_eq!(cursor.position().unwrap().commit(), s.tip());
}
