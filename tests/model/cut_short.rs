//! Random operations against the model (see `crate::model`), many of them cut short by a crash.

use proptest::collection::vec;
use proptest::test_runner::{Config, TestRunner};

use crate::model::{Crashes, Pair, op_or_crash};
use crate::support::random::size;

fn run(cases: u32) {
    let mut total = Crashes::default();
    let config = Config {
        cases,
        failure_persistence: None,
        // When it crashes is left to chance, so what fails may not do so again.
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
fn what_is_cut_short_has_happened_or_has_not() {
    run(20);
}

#[test]
#[ignore = "takes minutes: SOAK_CASES=500"]
fn what_is_cut_short_has_happened_or_has_not_over_and_over() {
    run(u32::try_from(size("SOAK_CASES", 500)).unwrap());
}
