//! Random operations on a store and its model, some of them in a process that is killed.

use proptest::collection::vec;
use proptest::test_runner::{Config, TestRunner};

use crate::model::{Crashes, Pair, op_or_crash};
use crate::support::random::size;

fn run(cases: u32) {
    let mut total = Crashes::default();
    let config = Config {
        cases,
        failure_persistence: None,
        // The moment of a crash depends on timing, so a failure may not be reproducible.
        max_shrink_iters: 20,
        ..Config::default()
    };
    let total = std::cell::RefCell::new(&mut total);
    let outcome = TestRunner::new(config).run(&vec(op_or_crash(), 1..50), |ops| {
        let mut pair = Pair::new();
        for op in &ops {
            pair.apply(op);
            pair.compare();
        }
        pair.compare_histories();
        total.borrow_mut().add(&pair.crashes);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    println!("{cases} sequences: {:?}; lost = 0", total.borrow());
}

#[test]
fn a_killed_operation_takes_effect_completely_or_not_at_all() {
    run(20);
}

#[test]
#[ignore = "takes minutes: SOAK_CASES=500"]
fn many_killed_operations_take_effect_completely_or_not_at_all() {
    run(u32::try_from(size("SOAK_CASES", 500)).unwrap());
}
