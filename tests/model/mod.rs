//! Random operations on a store and on a model of it. The model keeps whole trees in maps and searches by brute force. After each
//! operation, the results and the contents of both must be equal.
//!
//! `kill` also runs operations in a process that is killed before it ends.

mod brute_force;
mod crash;
mod kill;
mod pair;

pub(crate) use crash::Crashes;
pub(crate) use pair::Pair;
use proptest::prelude::*;
use proptest::sample::select;

const PATHS: [&str; 6] = ["a", "b", "d/x", "d/y", "d/e/z", "d/e"];
const SCOPES: [&str; 7] = ["", "a", "b", "d", "d/x", "d/e", "d/e/z"];
const BRANCHES: [&str; 3] = ["main", "s", "t"];

/// An operation. The first string is the name of the branch.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Put(&'static str, &'static str, u32),
    PutIf(&'static str, &'static str, u32, Condition),
    Set(&'static str, &'static str, u32),
    Remove(&'static str, &'static str),
    RemoveModule(&'static str, &'static str),
    Restore(&'static str, usize, &'static str),
    Rollback(&'static str, &'static str),
    Branch(&'static str, &'static str),
    Delete(&'static str),
    Default(&'static str),
    Merge(&'static str, &'static str),
    Gc(&'static str),
    GcKeep(&'static str),
    /// Closes the store and opens it again.
    Reopen,
    /// Runs the operation in another process, and kills it.
    Crash(Box<Op>, Moment),
}

/// The time when a process is killed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// After this percentage of the typical duration.
    After(u32),
    /// As soon as a ref has moved.
    RefMoved,
}

/// The precondition of a put.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition {
    Absent,
    Present,
    Is(u32),
    IsNot(u32),
}

/// Generates any operation, sometimes in a process that is killed.
pub(crate) fn op_or_crash() -> impl Strategy<Value = Op> {
    let moment = prop_oneof![
        3 => (0..120u32).prop_map(Moment::After),
        1 => Just(Moment::RefMoved),
    ];
    let crash = (op(), moment).prop_map(|(op, moment)| Op::Crash(Box::new(op), moment));
    prop_oneof![3 => op(), 1 => crash]
}

/// Generates any operation except a crash.
fn op() -> impl Strategy<Value = Op> {
    let on = || select(&BRANCHES[..]);
    let at = || select(&PATHS[..]);
    let condition = prop_oneof![
        Just(Condition::Absent),
        Just(Condition::Present),
        (1..4u32).prop_map(Condition::Is),
        (1..4u32).prop_map(Condition::IsNot),
    ];
    prop_oneof![
        8 => (on(), at(), 1..4u32).prop_map(|(b, p, v)| Op::Put(b, p, v)),
        2 => (on(), at(), 1..4u32, condition).prop_map(|(b, p, v, c)| Op::PutIf(b, p, v, c)),
        2 => (on(), at(), 1..4u32).prop_map(|(b, p, v)| Op::Set(b, p, v)),
        2 => (on(), select(&SCOPES[1..])).prop_map(|(b, p)| Op::Remove(b, p)),
        1 => (on(), select(&SCOPES[1..])).prop_map(|(b, p)| Op::RemoveModule(b, p)),
        2 => (on(), 0..40usize, select(&SCOPES[..])).prop_map(|(b, n, p)| Op::Restore(b, n, p)),
        6 => (on(), select(&SCOPES[..])).prop_map(|(b, p)| Op::Rollback(b, p)),
        2 => (on(), on()).prop_map(|(b, from)| Op::Branch(b, from)),
        1 => on().prop_map(Op::Delete),
        1 => on().prop_map(Op::Default),
        4 => (on(), on()).prop_map(|(b, from)| Op::Merge(b, from)),
        1 => on().prop_map(Op::Gc),
        1 => on().prop_map(Op::GcKeep),
        1 => Just(Op::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_behaves_like_its_model(ops in proptest::collection::vec(op(), 1..50)) {
        let mut pair = Pair::new();
        for op in &ops {
            pair.apply(op);
            pair.compare();
        }
        pair.compare_histories();
    }
}
