//! Checks the protocol of docs/cluster.md in every order of its steps, within small bounds: two writers, gcs whose deletes may come at any later
//! time, and a network that delays, loses and reorders. Each mutant leaves out one rule of the protocol and must break an invariant, which shows
//! that the rule is needed and that the model would notice a fault. `--nocapture` prints the number of states and the shortest counterexamples.
//!
//! Not in the model: local refs and what a server does after a restart (it starts from the bucket), refs snapshots, pushes with several refs.

use std::collections::BTreeSet;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use cluster::{
    CLOSURE_IS_COVERED, DEAD_STAYS_DEAD, NOTHING_IS_LOST, NOTHING_TWICE, ONE_CHILD, ONLY_GROW,
    PACKS_EXIST,
};
use cluster::{Cluster, Mutant, Step};

mod bucket;
mod cluster;
mod collector;
mod upload;
mod writer;

const SMALL: Cluster = Cluster {
    collectors: 1,
    gcs: 1,
    retries: 1,
    // More than there are generations.
    ids_kept: 16,
    forwards: false,
    rolls_up: false,
    restores: false,
    mutant: None,
};

#[test]
fn protocol_holds() {
    check(SMALL);
}

#[test]
fn protocol_holds_when_changes_are_forwarded() {
    check(Cluster {
        forwards: true,
        retries: 0,
        ..SMALL
    });
}

#[test]
fn protocol_holds_when_the_manifest_forgets_ids() {
    check(Cluster {
        forwards: true,
        ids_kept: 1,
        retries: 0,
        ..SMALL
    });
}

#[test]
fn protocol_holds_when_packs_are_rolled_up() {
    check(Cluster {
        rolls_up: true,
        retries: 0,
        ..SMALL
    });
}

#[test]
fn protocol_holds_when_a_change_restores_garbage() {
    check(Cluster {
        restores: true,
        ..SMALL
    });
}

#[test]
#[ignore = "larger bounds: takes minutes"]
fn protocol_holds_over_two_gcs() {
    check(Cluster {
        gcs: 2,
        retries: 2,
        ..SMALL
    });
}

#[test]
#[ignore = "larger bounds: takes minutes"]
fn protocol_holds_over_two_gcs_when_changes_are_forwarded() {
    check(Cluster {
        gcs: 2,
        retries: 0,
        forwards: true,
        ..SMALL
    });
}

#[test]
#[ignore = "larger bounds: takes minutes"]
fn protocol_holds_over_two_gcs_when_packs_are_rolled_up() {
    check(Cluster {
        gcs: 2,
        retries: 0,
        rolls_up: true,
        ..SMALL
    });
}

#[test]
#[ignore = "larger bounds: takes minutes"]
fn protocol_holds_with_two_collectors() {
    check(Cluster {
        collectors: 2,
        retries: 0,
        restores: true,
        ..SMALL
    });
}

#[test]
#[ignore = "larger bounds: takes minutes"]
fn protocol_holds_when_changes_are_decided_again() {
    check(Cluster {
        forwards: true,
        ..SMALL
    });
    check(Cluster {
        forwards: true,
        ids_kept: 1,
        ..SMALL
    });
    check(Cluster {
        rolls_up: true,
        ..SMALL
    });
    check(Cluster {
        collectors: 2,
        restores: true,
        ..SMALL
    });
}

#[test]
#[ignore = "larger bounds: takes minutes"]
fn protocol_holds_when_everything_happens() {
    check(Cluster {
        retries: 0,
        forwards: true,
        rolls_up: true,
        restores: true,
        ids_kept: 2,
        ..SMALL
    });
}

#[test]
fn pack_below_the_floor_would_be_deleted() {
    check_mutant(Mutant::NoFloor, SMALL, &[DEAD_STAYS_DEAD, PACKS_EXIST]);
}

#[test]
fn swap_whose_answer_is_lost_would_be_applied_twice() {
    check_mutant(Mutant::NoCheck, SMALL, &[NOTHING_TWICE]);
}

#[test]
fn bucket_without_conditional_writes_would_lose_changes() {
    check_mutant(
        Mutant::NoCas,
        SMALL,
        &[ONE_CHILD, NOTHING_IS_LOST, ONLY_GROW],
    );
}

#[test]
fn pack_that_waits_for_its_swap_would_be_deleted() {
    check_mutant(Mutant::SweepAll, SMALL, &[PACKS_EXIST]);
}

#[test]
fn response_before_the_swap_would_be_a_lie() {
    check_mutant(Mutant::AckEarly, SMALL, &[NOTHING_IS_LOST]);
}

#[test]
fn second_manifest_on_one_parent_would_apply_a_change_twice() {
    check_mutant(
        Mutant::NewBatch,
        Cluster {
            retries: 2,
            ..SMALL
        },
        &[NOTHING_TWICE],
    );
}

#[test]
fn forwarded_change_without_id_would_be_applied_twice() {
    check_mutant(
        Mutant::NoIds,
        Cluster {
            forwards: true,
            ..SMALL
        },
        &[NOTHING_TWICE],
    );
}

#[test]
fn batch_id_that_the_manifest_forgot_would_be_applied_twice() {
    let cluster = Cluster {
        ids_kept: 1,
        ..SMALL
    };
    check_mutant(Mutant::ForgottenIsAbsent, cluster, &[NOTHING_TWICE]);
}

#[test]
fn request_id_that_the_manifest_forgot_would_be_applied_twice() {
    // Without a retry, no batch is decided again.
    let cluster = Cluster {
        forwards: true,
        ids_kept: 1,
        retries: 0,
        ..SMALL
    };
    check_mutant(Mutant::ForgottenIsAbsent, cluster, &[NOTHING_TWICE]);
}

#[test]
fn object_that_only_the_cache_has_would_be_missing() {
    check_mutant(
        Mutant::CacheIsBucket,
        Cluster {
            restores: true,
            ..SMALL
        },
        &[CLOSURE_IS_COVERED],
    );
}

#[test]
fn gc_without_copies_would_lose_a_restored_object() {
    check_mutant(
        Mutant::NoCopies,
        Cluster {
            restores: true,
            ..SMALL
        },
        &[CLOSURE_IS_COVERED],
    );
}

fn check(cluster: Cluster) {
    let started = Instant::now();
    let bounds = format!("{cluster:?}");
    let checker = cluster.checker().spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!(
        "{states} states, depth {depth}, {:.1?}: {bounds}",
        started.elapsed()
    );
    checker.assert_properties();
}

fn check_mutant(mutant: Mutant, cluster: Cluster, violated: &[&'static str]) {
    let mutated = Cluster {
        mutant: Some(mutant),
        ..cluster
    };
    for name in violated {
        let steps = shortest_counterexample(&mutated, name);
        println!(
            "{mutant:?}: not \"{name}\" after {} steps: {}",
            steps.len(),
            steps.join("; ")
        );
    }
}

/// Searches one step deeper each time, because the checker reports the last counterexample of the states that it takes at a time, not the first.
fn shortest_counterexample(cluster: &Cluster, name: &'static str) -> Vec<String> {
    const STEPS_MAX: usize = 30;
    for steps in 1..=STEPS_MAX {
        let wanted = HasDiscoveries::AnyOf(BTreeSet::from([name]));
        // The first state counts, and the deepest states are not checked.
        let checker = cluster
            .clone()
            .checker()
            .target_max_depth(steps + 2)
            .finish_when(wanted)
            .spawn_bfs()
            .join();
        if let Some(path) = checker.discovery(name) {
            return path.into_actions().iter().map(Step::to_string).collect();
        }
    }
    panic!("\"{name}\" holds for {STEPS_MAX} steps of {cluster:?}");
}
