//! Random operations on a store and on a model of it that keeps whole trees in maps and searches by brute force. After each
//! operation both must have answered the same, and hold the same.
//!
//! An operation may also be cut short, in a process that is killed: `cut_short` does that.

mod brute;
mod crash;
mod cut_short;
mod pair;

pub(crate) use crash::Crashes;
pub(crate) use pair::Pair;
use proptest::prelude::*;
use proptest::sample::select;

const PATHS: [&str; 6] = ["a", "b", "d/x", "d/y", "d/e/z", "d/e"];
const SCOPES: [&str; 7] = ["", "a", "b", "d", "d/x", "d/e", "d/e/z"];
const BRANCHES: [&str; 3] = ["main", "s", "t"];

/// An operation. The first name is that of the branch, where there is one.
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
    /// The store is closed and opened again.
    Reopen,
    /// Another process does it, and is killed on its way.
    Crash(Box<Op>, Moment),
}

/// When a process is killed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// After so many hundredths of the time that it takes.
    After(u32),
    /// As soon as a ref moves.
    RefMoved,
}

/// What has to be at a path for a module to be put there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition {
    Absent,
    Present,
    Is(u32),
    IsNot(u32),
}

/// Any operation, at times in a process that is killed.
pub(crate) fn op_or_crash() -> impl Strategy<Value = Op> {
    let moment = prop_oneof![
        3 => (0..120u32).prop_map(Moment::After),
        1 => Just(Moment::RefMoved),
    ];
    let crash = (op(), moment).prop_map(|(op, moment)| Op::Crash(Box::new(op), moment));
    prop_oneof![3 => op(), 1 => crash]
}

/// Any operation but a crash.
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
    fn the_store_does_what_its_model_does(ops in proptest::collection::vec(op(), 1..50)) {
        let mut pair = Pair::new();
        for op in &ops {
            pair.apply(op);
            pair.compare();
        }
        pair.compare_histories();
    }
}
