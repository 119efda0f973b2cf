//! Compares the index with a brute-force search over histories with criss-cross and octopus merges, several roots, dates that go
//! backwards, resets and `gc`.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;
use wasmstore::names::{HashRef, ModuleRef};
use wasmstore::store::{BranchCursor, History, PollResult, Revision};

use super::graph::{CommitPlan, Graph, PATHS, VALUES, plans};
use crate::support::store::blob_id;
use crate::support::store::{Scratch, module, on, path};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_matches_a_walk_of_the_history(
        plans in plans(),
        tips in proptest::collection::vec(any::<Index>(), 1..6),
    ) {
        compare(&plans, &tips);
    }
}

fn compare(plans: &[CommitPlan], tips: &[Index]) {
    let s = Scratch::new();
    let graph = Graph::import(&s, plans);
    let tips: Vec<usize> = tips.iter().map(|tip| tip.index(graph.0.len())).collect();
    // The tips are random, so that the index reaches the same commits along different edges.
    for tip in &tips {
        s.git(&[
            "update-ref",
            "refs/heads/main",
            &graph.0[*tip].id.to_string(),
        ]);
        compare_tip(&s, &graph, *tip);
    }
    for node in 0..graph.0.len() {
        s.git(&["update-ref", "-d", &format!("refs/wip/{node}")]);
    }
    let last = *tips.last().unwrap();
    s.store.gc(&on(None), History::Keep).unwrap();
    compare_tip(&s, &graph, last);
    compare_dropped(&s, &graph, &tips, last);
}

fn compare_tip(s: &Scratch, graph: &Graph, tip: usize) {
    let revision = Revision::default();
    for text in PATHS {
        let own = graph.own_changes(tip, text);
        let audit = s.store.audit(&revision, &path(text)).unwrap();
        let audited = audit
            .iter()
            .rev()
            .map(|entry| (entry.commit.id, entry.hash));
        let hash_of = |value: u32| blob_id(&module(value)).parse().unwrap();
        let expected: Vec<_> = own
            .iter()
            .map(|(id, value)| (*id, value.map(hash_of)))
            .collect();
        assert_eq!(audited.collect::<Vec<_>>(), expected, "{text}");

        let mut versions: Vec<(u32, _)> = Vec::new();
        for (id, value) in own {
            let is_new = |value: &u32| versions.iter().all(|(listed, _)| listed != value);
            if let Some(value) = value.filter(is_new) {
                versions.push((value, id));
            }
        }
        let versions: Vec<_> = versions
            .into_iter()
            .map(|(value, id)| (hash_of(value), id))
            .collect();
        let got: Vec<_> = s
            .store
            .versions(&revision, &path(text))
            .unwrap()
            .into_iter()
            .map(|version| (version.hash, version.commit))
            .collect();
        assert_eq!(got, versions, "{text}");
    }
    for value in 0..VALUES {
        let is_listed = graph.0[tip].tree.values().any(|listed| *listed == value);
        let hash = HashRef::parse(&blob_id(&module(value))).unwrap();
        let info = wasmstore::wasm::validate(&module(value)[..], &Default::default()).unwrap();
        let digest = wasmstore::names::Digest::from_bytes(info.sha256);
        for name in [
            ModuleRef::Hash(hash),
            ModuleRef::Hash(HashRef::Digest(digest)),
        ] {
            assert_eq!(
                s.store.contains(&revision, &name).unwrap(),
                is_listed,
                "{value} {name}"
            );
        }
    }
}

/// Asserts that a watcher that resumes at a commit that `gc` dropped receives the difference between that commit's tree and the tip's.
fn compare_dropped(s: &Scratch, graph: &Graph, tips: &[usize], last: usize) {
    // Compares ids, because two nodes may be the same commit.
    let kept: BTreeSet<_> = graph
        .reach(last)
        .into_iter()
        .map(|node| graph.0[node].id)
        .collect();
    let dropped = tips.iter().map(|tip| &graph.0[*tip]);
    for node in dropped.filter(|node| !kept.contains(&node.id)) {
        let mut cursor: BranchCursor = s.store.cursor(None, Some(node.id)).unwrap();
        let PollResult::Events(events) = cursor.poll(&s.store).unwrap() else {
            panic!("the index lost commit {}", node.id);
        };
        let mut content = node.tree.clone();
        assert!(events.iter().all(|event| event.reset));
        for change in events.iter().flat_map(|event| &event.changes) {
            let at = PATHS.iter().find(|at| path(at) == change.path).unwrap();
            let number =
                |hash: &_| (0..VALUES).find(|n| hash == &blob_id(&module(*n)).parse().unwrap());
            assert_eq!(
                content.get(at).copied(),
                change.old.as_ref().and_then(number)
            );
            match change.new.as_ref().and_then(number) {
                Some(value) => drop(content.insert(at, value)),
                None => drop(content.remove(at)),
            }
        }
        assert_eq!(content, graph.0[last].tree);
    }
}
