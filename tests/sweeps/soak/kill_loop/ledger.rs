//! What was acknowledged, and the search for it in the store.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::super::chain::Chain;
use super::writers::{Attempt, BRANCHES, Fate};
use crate::support::store::blob_id;

/// What was found in all rounds.
#[derive(Debug, Default)]
pub struct Figures {
    pub kills: u64,
    pub acknowledged: u64,
    pub refused: u64,
    /// Requests without an answer that were done, and that were not.
    pub unanswered_done: u64,
    pub unanswered_not_done: u64,
    /// Runs of `gc` beside the server that were killed, and that came to their end.
    pub gcs_killed: u64,
    pub gcs_done: u64,
    /// Files of dead writers, at most: when they had just died, and when a server had opened the store again.
    pub left_behind_max: usize,
    pub left_over_max: usize,
}

/// The lines of the branches as far as they are explained.
pub struct Ledger {
    pub chains: HashMap<&'static str, Chain>,
}

impl Ledger {
    pub fn new(root: &Path) -> Self {
        let chain = |branch| (branch, Chain::of(root, branch));
        Self {
            chains: BRANCHES.map(chain).into(),
        }
    }

    /// Fails unless every acknowledged change is in its branch's line, once, with what was asked for, and every other commit is
    /// the effect of one request that was not answered.
    pub fn settle(&mut self, attempts: &[Attempt], figures: &mut Figures) {
        for (branch, chain) in &mut self.chains {
            let ours: Vec<_> = attempts.iter().filter(|a| a.branch == *branch).collect();
            let new = chain.extend();
            find_acknowledged(chain, &ours);
            let not_done = explain(chain, new, &ours);
            let unanswered = ours.iter().filter(|a| a.fate == Fate::Unanswered).count();
            figures.unanswered_not_done += not_done as u64;
            figures.unanswered_done += (unanswered - not_done) as u64;
            figures.acknowledged += (ours.len() - unanswered) as u64;
        }
    }
}

fn find_acknowledged(chain: &Chain, attempts: &[&Attempt]) {
    let mut taken = HashMap::new();
    for attempt in attempts {
        let Fate::Acknowledged(commit) = &attempt.fate else {
            continue;
        };
        let position = chain.position(commit);
        let position = position.unwrap_or_else(|| panic!("lost: {attempt:?}"));
        let value = chain.value(&attempt.path, position);
        assert_eq!(value, attempt.value.as_deref(), "{attempt:?}");
        if attempt.makes_commit {
            let change = (attempt.path.clone(), attempt.value.clone());
            assert_eq!(chain.commits[position].changes, [change], "{attempt:?}");
            let other = taken.insert(commit, attempt);
            assert!(other.is_none(), "one commit for {attempt:?} and {other:?}");
        }
    }
}

/// Finds for each new commit the request that it is the effect of. Returns how many unanswered ones are left.
fn explain(chain: &Chain, new: std::ops::Range<usize>, attempts: &[&Attempt]) -> usize {
    let (mut unanswered, answered): (Vec<&Attempt>, Vec<_>) =
        attempts.iter().partition(|a| a.fate == Fate::Unanswered);
    let mut done: Vec<_> = answered.iter().filter(|a| a.fate == Fate::Done).collect();
    // One that changed nothing tells the commit of another.
    let told = answered.iter().filter_map(|attempt| match &attempt.fate {
        Fate::Acknowledged(commit) => Some((commit, &attempt.path, &attempt.value)),
        Fate::Done | Fate::Unanswered => None,
    });
    let told: HashSet<_> = told.collect();
    for position in new {
        let commit = &chain.commits[position];
        if position == 0 && commit.changes.is_empty() {
            continue;
        }
        let [(path, value)] = &commit.changes[..] else {
            panic!("{} changes {:?}", commit.id, commit.changes);
        };
        let is_it = |attempt: &Attempt| (&attempt.path, &attempt.value) == (path, value);
        if told.contains(&(&commit.id, path, value)) {
            continue;
        }
        if let Some(found) = done.iter().position(|a| is_it(a)) {
            done.swap_remove(found);
        } else {
            let found = unanswered.iter().position(|a| is_it(a));
            let found =
                found.unwrap_or_else(|| panic!("{} is nobody's: {path} {value:?}", commit.id));
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

    /// Whether a fault is found when the store, or what was told of it, was tampered with.
    fn is_seen(tamper: impl FnOnce(&Scratch, &mut Vec<Attempt>)) -> bool {
        let s = Scratch::new();
        let side = branch("side");
        s.store.create_branch(&side, &Revision::default()).unwrap();
        let mut ledger = Ledger::new(&s.root);
        let mut figures = Figures::default();
        ledger.settle(&[], &mut figures);
        let put = |n: u32| {
            let commit = s.put("p", n).to_string();
            let module = crate::support::store::module(n);
            Attempt {
                branch: "main",
                path: "p".to_owned(),
                value: Some(blob_id(&module)),
                makes_commit: true,
                fate: match n {
                    3 => Fate::Unanswered,
                    _ => Fate::Acknowledged(commit),
                },
            }
        };
        let mut attempts: Vec<_> = (1..=3).map(put).collect();
        tamper(&s, &mut attempts);
        let settled = catch_unwind(AssertUnwindSafe(|| ledger.settle(&attempts, &mut figures)));
        settled.is_err()
    }

    #[test]
    fn the_ledger_sees_what_is_lost_and_what_is_nobodys() {
        assert!(!is_seen(|_, _| {}), "nothing is");
        let undo = |s: &Scratch, commits: u32| {
            let to = format!("main~{commits}");
            s.git(&["update-ref", "refs/heads/main", &to]);
        };
        assert!(!is_seen(|s, _| undo(s, 1)), "it was not answered");
        assert!(is_seen(|s, _| undo(s, 2)));
        assert!(is_seen(|s, _| undo(s, 3)));
        for n in 0..3 {
            assert!(is_seen(|_, attempts| drop(attempts.remove(n))), "{n}");
        }
        assert!(is_seen(|_, attempts| attempts[0].value = None));
        assert!(is_seen(|_, attempts| attempts[0].path = "q".to_owned()));
        let forge = |s: &Scratch| _ = s.put("q", 9);
        assert!(is_seen(|s, _| forge(s)));
    }
}
