use std::sync::Arc;

use super::*;
use crate::bucket::faulty_bucket::{FaultRates, FaultyStore};
use crate::bucket::odd_bucket::{Conditions, OddStore};
use crate::bucket::tests::{open, options};

fn probe(conditions: Conditions) -> ProbeReport {
    let store = Arc::new(OddStore::new(conditions));
    let bucket = Bucket::with_store(store, "s3://odd", options()).unwrap();
    bucket.probe(ProbeScope::Quick).unwrap()
}

#[test]
fn an_atomic_store_passes_and_is_clean_afterwards() {
    let bucket = open(&FaultyStore::reliable());
    let report = bucket.probe(ProbeScope::Full).unwrap();
    assert!(report.is_atomic(), "{report}");
    assert_eq!(report.checks.len(), 9, "{report}");
    assert!(
        report
            .to_string()
            .contains("ok   64 writers create: one winner in each of 20 races"),
        "{report}"
    );
    assert_eq!(bucket.client.list(PREFIX).unwrap(), []);
    let unquoted = probe(Conditions::Unquoted);
    assert!(unquoted.is_atomic(), "{unquoted}");
    assert!(
        unquoted
            .to_string()
            .contains("accepts only ETags without quotation marks"),
        "{unquoted}"
    );
}

#[test]
fn a_store_that_ignores_conditions_is_rejected() {
    let report = probe(Conditions::Ignored);
    let failed: Vec<_> = report
        .checks
        .iter()
        .filter(|check| !check.is_passed)
        .map(|check| check.name.as_str())
        .collect();
    let expected = [
        "create an existing object",
        "replace an object with an outdated ETag",
        "replace an absent object",
        "read the object",
    ];
    assert_eq!(failed, expected, "{report}");
}

#[test]
fn a_store_with_several_winners_is_rejected() {
    let report = probe(Conditions::CheckedEarly);
    let failed: Vec<_> = report
        .checks
        .iter()
        .filter(|check| !check.is_passed)
        .collect();
    assert_eq!(failed.len(), 2, "{report}");
    assert!(
        failed[0]
            .observed
            .contains("writers got a success, so writes would be lost"),
        "{report}"
    );
}

#[test]
fn a_store_that_fails_is_not_called_unsafe() {
    let store = FaultyStore::reliable();
    store.set_rates(FaultRates {
        reads: 1000,
        ..FaultRates::default()
    });
    let error = open(&store).probe(ProbeScope::Quick).unwrap_err();
    assert!(
        matches!(error, crate::repo::Error::Unreachable { .. }),
        "{error:?}"
    );
}
