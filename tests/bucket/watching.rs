//! Watches that are resumed on another copy.

use std::time::Duration;

use wasmstore::store::{ErrorKind, Event};

use super::faulty_bucket::FaultRates;
use super::*;

/// Returns the events after a commit, without waiting.
fn events_after(copy: &Copy, since: CommitId) -> Result<Vec<Event>, Error> {
    let mut watcher = copy.store.watch(None, Some(since))?;
    watcher.next(Duration::ZERO)
}

#[track_caller]
fn refusal(copy: &Copy, since: CommitId) -> ErrorKind {
    events_after(copy, since).unwrap_err().kind()
}

/// Makes every read of the bucket fail, or none.
fn set_reachable(shared: &Shared, is_reachable: bool) {
    shared.objects.set_rates(FaultRates {
        reads: if is_reachable { 0 } else { 1000 },
        ..FaultRates::default()
    });
}

#[test]
fn a_watch_is_not_reset_by_a_copy_that_is_behind_and_cannot_reach_the_bucket() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    let first = a.put("p", 1);
    let second = b.follow().put("p", 2);
    let third = a.put("p", 3);
    // The objects of the next commit reach `b`, but its refs do not move: it lost the bucket, or was killed, in between.
    for file in std::fs::read_dir(a.root.join("objects/pack")).unwrap() {
        let file = file.unwrap();
        let copied = b.root.join("objects/pack").join(file.file_name());
        if !copied.exists() {
            std::fs::copy(file.path(), copied).unwrap();
        }
    }
    let fourth = a.put("p", 4);
    set_reachable(&shared, false);
    assert_eq!((b.tip(), a.tip()), (second, fourth));
    assert_eq!(refusal(&b, third), ErrorKind::Busy, "its objects are here");
    assert_eq!(
        refusal(&b, fourth),
        ErrorKind::Busy,
        "nothing of it is here"
    );
    // What the copy knows to be in the history, it can serve.
    assert_eq!(events_after(&b, second).unwrap(), []);
    let known = events_after(&b, first).unwrap();
    assert_eq!((known.len(), known[0].commit.id), (1, second));
    set_reachable(&shared, true);
    let later = events_after(&b, third).unwrap();
    assert_eq!((later.len(), later[0].commit.id), (1, fourth));
    assert!(!later[0].reset);
    let unknown = "1".repeat(40).parse().unwrap();
    assert_eq!(refusal(&b, unknown), ErrorKind::NotFound);
}
