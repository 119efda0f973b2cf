//! Random operations on a store and on a model of it that keeps whole trees in maps and searches by brute force. After each
//! operation both must have answered the same, and hold the same.

mod brute;
mod pair;

use pair::Pair;
use proptest::prelude::*;
use proptest::sample::select;

const PATHS: [&str; 6] = ["a", "b", "d/x", "d/y", "d/e/z", "d/e"];
const SCOPES: [&str; 7] = ["", "a", "b", "d", "d/x", "d/e", "d/e/z"];
const BRANCHES: [&str; 3] = ["main", "s", "t"];

#[derive(Clone, Debug)]
enum Op {
    Put(&'static str, &'static str, u32),
    Remove(&'static str, &'static str),
    Restore(&'static str, usize, &'static str),
    Rollback(&'static str, &'static str),
    Branch(&'static str, &'static str),
    Delete(&'static str),
    Merge(&'static str, &'static str),
    Gc(&'static str),
}

fn op() -> impl Strategy<Value = Op> {
    let on = || select(&BRANCHES[..]);
    prop_oneof![
        8 => (on(), select(&PATHS[..]), 1..4u32).prop_map(|(b, p, v)| Op::Put(b, p, v)),
        2 => (on(), select(&SCOPES[1..])).prop_map(|(b, p)| Op::Remove(b, p)),
        2 => (on(), 0..40usize, select(&SCOPES[..])).prop_map(|(b, n, p)| Op::Restore(b, n, p)),
        6 => (on(), select(&SCOPES[..])).prop_map(|(b, p)| Op::Rollback(b, p)),
        2 => (on(), on()).prop_map(|(b, from)| Op::Branch(b, from)),
        1 => on().prop_map(Op::Delete),
        4 => (on(), on()).prop_map(|(b, from)| Op::Merge(b, from)),
        1 => on().prop_map(Op::Gc),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_its_model_does(ops in proptest::collection::vec(op(), 1..50)) {
        let mut pair = Pair::new();
        for op in &ops {
            pair.apply(op);
            pair.compare();
        }
        pair.compare_histories();
    }
}
