//! Histories with criss-cross and octopus merges, several roots, clocks that go back, resets and collections.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;
use wasmstore::names::{HashRef, ModuleRef};
use wasmstore::store::{Cursor, History, PollResult, Revision};

use super::graph::{Graph, PATHS, Plan, VALUES, plans};
use crate::support::store::blob_id;
use crate::support::store::{Scratch, module, on, path};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_answers_what_a_walk_of_the_history_says(
        plans in plans(),
        tips in proptest::collection::vec(any::<Index>(), 1..6),
    ) {
        compare(&plans, &tips);
    }
}

fn compare(plans: &[Plan], tips: &[Index]) {
    let s = Scratch::new();
    let graph = Graph::import(&s, plans);
    let tips: Vec<usize> = tips.iter().map(|tip| tip.index(graph.0.len())).collect();
    // In any order, so that the index comes to the same commits on different ways.
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
    let at = Revision::default();
    for text in PATHS {
        let own = graph.own_changes(tip, text);
        let audited = s.store.audit(&at, &path(text)).unwrap();
        let audited = audited
            .iter()
            .rev()
            .map(|entry| (entry.commit.id, entry.hash));
        let numbered = |value: u32| blob_id(&module(value)).parse().unwrap();
        let wanted: Vec<_> = own
            .iter()
            .map(|(id, value)| (*id, value.map(numbered)))
            .collect();
        assert_eq!(audited.collect::<Vec<_>>(), wanted, "{text}");

        let mut versions: Vec<(u32, _)> = Vec::new();
        for (id, value) in own {
            let is_new = |value: &u32| versions.iter().all(|(known, _)| known != value);
            if let Some(value) = value.filter(is_new) {
                versions.push((value, id));
            }
        }
        let versions: Vec<_> = versions
            .into_iter()
            .map(|(value, id)| (numbered(value), id))
            .collect();
        let got = s.store.versions(&at, &path(text)).unwrap();
        let got: Vec<_> = got
            .into_iter()
            .map(|version| (version.hash, version.commit))
            .collect();
        assert_eq!(got, versions, "{text}");
    }
    for value in 0..VALUES {
        let is_there = graph.0[tip].tree.values().any(|there| *there == value);
        let hash = HashRef::parse(&blob_id(&module(value))).unwrap();
        let digest = wasmstore::wasm::validate(&module(value)[..], &Default::default()).unwrap();
        let digest = wasmstore::names::Digest::from_bytes(digest.sha256);
        for name in [
            ModuleRef::Hash(hash),
            ModuleRef::Hash(HashRef::Digest(digest)),
        ] {
            assert_eq!(
                s.store.contains(&at, &name).unwrap(),
                is_there,
                "{value} {name}"
            );
        }
    }
}

/// A watcher that comes back to a commit that was collected is told the whole way from its tree to the tip's.
fn compare_dropped(s: &Scratch, graph: &Graph, tips: &[usize], last: usize) {
    // Two of them may be the same commit.
    let kept: BTreeSet<_> = graph
        .reach(last)
        .into_iter()
        .map(|node| graph.0[node].id)
        .collect();
    let dropped = tips.iter().map(|tip| &graph.0[*tip]);
    for node in dropped.filter(|node| !kept.contains(&node.id)) {
        let mut cursor: Cursor = s.store.cursor(None, Some(node.id)).unwrap();
        let PollResult::Events(events) = cursor.poll(&s.store).unwrap() else {
            panic!("commit {} is not known any more", node.id);
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
