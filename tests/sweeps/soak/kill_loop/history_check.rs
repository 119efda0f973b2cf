//! Matches the commits in the store with the requests, and finds lost and unexplained changes.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::super::first_parent::FirstParentHistory;
use super::writers::{Attempt, AttemptResult, BRANCHES};
use crate::support::store::blob_id;

/// The counts of all rounds.
#[derive(Debug, Default)]
pub struct KillCounts {
    pub kills: u64,
    pub acknowledged: u64,
    pub rejected: u64,
    /// Requests without a response that were applied, and that were not.
    pub unanswered_applied: u64,
    pub unanswered_not_applied: u64,
    /// Runs of `gc` next to the server that were killed, and that finished.
    pub gcs_killed: u64,
    pub gcs_done: u64,
    /// The maximum number of files of killed writers: right after the kill, and after a server has opened the store again.
    pub leftovers_after_kill_max: usize,
    pub leftovers_after_open_max: usize,
}

/// The histories of the branches, as far as all commits are explained.
pub struct CheckedHistories {
    pub histories: HashMap<&'static str, FirstParentHistory>,
}

impl CheckedHistories {
    pub fn new(root: &Path) -> Self {
        let history = |branch| (branch, FirstParentHistory::unread(root, branch));
        Self {
            histories: BRANCHES.map(history).into(),
        }
    }

    /// Asserts that the history of each branch has exactly one commit for each acknowledged change, with the requested content, and that
    /// every other commit is the effect of one request without a response.
    pub fn settle(&mut self, attempts: &[Attempt], counts: &mut KillCounts) {
        for (branch, history) in &mut self.histories {
            let ours: Vec<_> = attempts.iter().filter(|a| a.branch == *branch).collect();
            let new = history.extend();
            find_acknowledged(history, &ours);
            let not_applied = explain(history, new, &ours);
            let unanswered = ours
                .iter()
                .filter(|a| a.result == AttemptResult::Unanswered)
                .count();
            counts.unanswered_not_applied += not_applied as u64;
            counts.unanswered_applied += (unanswered - not_applied) as u64;
            counts.acknowledged += (ours.len() - unanswered) as u64;
        }
    }
}

/// Asserts that the history contains every acknowledged change.
fn find_acknowledged(history: &FirstParentHistory, attempts: &[&Attempt]) {
    let mut attempts_by_commit = HashMap::new();
    for attempt in attempts {
        let AttemptResult::Acknowledged(commit) = &attempt.result else {
            continue;
        };
        let position = (history.position(commit)).unwrap_or_else(|| panic!("lost: {attempt:?}"));
        let value = history.value(&attempt.path, position);
        assert_eq!(value, attempt.value.as_deref(), "{attempt:?}");
        if attempt.makes_commit {
            let change = (attempt.path.clone(), attempt.value.clone());
            assert_eq!(history.commits[position].changes, [change], "{attempt:?}");
            let other = attempts_by_commit.insert(commit, attempt);
            assert!(other.is_none(), "one commit for {attempt:?} and {other:?}");
        }
    }
}

/// Asserts that each new commit is the effect of a request. Returns the number of requests without a response that were not applied.
fn explain(
    history: &FirstParentHistory,
    new: std::ops::Range<usize>,
    attempts: &[&Attempt],
) -> usize {
    let (mut unanswered, answered): (Vec<&Attempt>, Vec<_>) = attempts
        .iter()
        .partition(|a| a.result == AttemptResult::Unanswered);
    let mut done: Vec<_> = answered
        .iter()
        .filter(|a| a.result == AttemptResult::Done)
        .collect();
    // The response to a request that changes nothing contains the commit of another request.
    let reported: HashSet<_> = (answered.iter())
        .filter_map(|attempt| match &attempt.result {
            AttemptResult::Acknowledged(commit) => Some((commit, &attempt.path, &attempt.value)),
            AttemptResult::Done | AttemptResult::Unanswered => None,
        })
        .collect();
    for position in new {
        let commit = &history.commits[position];
        if position == 0 && commit.changes.is_empty() {
            continue;
        }
        let [(path, value)] = &commit.changes[..] else {
            panic!("{} changes {:?}", commit.id, commit.changes);
        };
        let is_cause = |attempt: &Attempt| (&attempt.path, &attempt.value) == (path, value);
        if reported.contains(&(&commit.id, path, value)) {
            continue;
        }
        if let Some(found) = done.iter().position(|a| is_cause(a)) {
            done.swap_remove(found);
        } else {
            let found = (unanswered.iter().position(|a| is_cause(a)))
                .unwrap_or_else(|| panic!("no request caused {}: {path} {value:?}", commit.id));
            unanswered.swap_remove(found);
        }
    }
    assert!(done.is_empty(), "lost: {done:?}");
    unanswered.len()
}

mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::support::store::{Scratch, branch};
    use wasmstore::store::Revision;

    /// Returns whether the check detects an error after `tamper` has changed the store or the recorded requests.
    fn is_detected(tamper: impl FnOnce(&Scratch, &mut Vec<Attempt>)) -> bool {
        let s = Scratch::new();
        let side = branch("side");
        s.store.create_branch(&side, &Revision::default()).unwrap();
        let mut checked = CheckedHistories::new(&s.root);
        let mut counts = KillCounts::default();
        checked.settle(&[], &mut counts);
        let put = |n: u32| {
            let commit = s.put("p", n).to_string();
            let module = crate::support::store::module(n);
            Attempt {
                branch: "main",
                path: "p".to_owned(),
                value: Some(blob_id(&module)),
                makes_commit: true,
                result: match n {
                    3 => AttemptResult::Unanswered,
                    _ => AttemptResult::Acknowledged(commit),
                },
            }
        };
        let mut attempts: Vec<_> = (1..=3).map(put).collect();
        tamper(&s, &mut attempts);
        let settled = catch_unwind(AssertUnwindSafe(|| checked.settle(&attempts, &mut counts)));
        settled.is_err()
    }

    #[test]
    fn lost_and_unexplained_commits_are_detected() {
        assert!(!is_detected(|_, _| {}), "nothing was changed");
        let undo = |s: &Scratch, commits: u32| {
            let to = format!("main~{commits}");
            s.git(&["update-ref", "refs/heads/main", &to]);
        };
        assert!(
            !is_detected(|s, _| undo(s, 1)),
            "that request had no response"
        );
        assert!(is_detected(|s, _| undo(s, 2)));
        assert!(is_detected(|s, _| undo(s, 3)));
        for n in 0..3 {
            assert!(is_detected(|_, attempts| drop(attempts.remove(n))), "{n}");
        }
        assert!(is_detected(|_, attempts| attempts[0].value = None));
        assert!(is_detected(|_, attempts| attempts[0].path = "q".to_owned()));
        let forge = |s: &Scratch| _ = s.put("q", 9);
        assert!(is_detected(|s, _| forge(s)));
    }
}
