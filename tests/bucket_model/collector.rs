//! A server that runs gc ("gc, without clocks" in docs/cluster.md).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bucket::{BatchId, Listing, LogEntry, Manifest, Objects, Pack, Server, Swap};
use crate::cluster::{Cluster, Message, Mutant, State};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Collector {
    phase: CollectorPhase,
    gcs_left: u8,
    retries_left: u8,
    batch_number: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum CollectorPhase {
    Idle,
    CaughtUp {
        base: Arc<Manifest>,
    },
    /// The closure of `base` is in the bucket as `pack`.
    Packed {
        base: Arc<Manifest>,
        pack: Pack,
    },
    AwaitsSwap {
        base: Arc<Manifest>,
        pack: Pack,
        swap: Arc<Swap>,
    },
    Unconfirmed {
        base: Arc<Manifest>,
        pack: Pack,
        swap: Arc<Swap>,
    },
    /// The manifest has the swap: the other keys can be listed.
    Swapped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollectorStep {
    CatchUp,
    Pack,
    SendSwap,
    TimeOut,
    ReadManifest,
    List,
}

impl CollectorStep {
    pub const ALL: [Self; 6] = [
        Self::CatchUp,
        Self::Pack,
        Self::SendSwap,
        Self::TimeOut,
        Self::ReadManifest,
        Self::List,
    ];
}

impl Collector {
    pub fn new(cluster: &Cluster) -> Self {
        Self {
            phase: CollectorPhase::Idle,
            gcs_left: cluster.gcs,
            retries_left: cluster.retries,
            batch_number: 0,
        }
    }

    fn finish(&mut self, cluster: &Cluster) {
        self.phase = CollectorPhase::Idle;
        self.gcs_left -= 1;
        self.retries_left = cluster.retries;
        self.batch_number += 1;
    }
}

/// Returns the state after collector `i` takes `step`, if it can.
pub fn take(cluster: &Cluster, state: &State, i: usize, step: CollectorStep) -> Option<State> {
    let collector = &state.collectors[i];
    match (step, &collector.phase) {
        (CollectorStep::CatchUp, CollectorPhase::Idle) if collector.gcs_left > 0 => {
            let base = state.manifest.clone();
            Some(with_phase(state, i, CollectorPhase::CaughtUp { base }))
        }
        // "Pack the closure of manifest M."
        (CollectorStep::Pack, CollectorPhase::CaughtUp { base }) => {
            if !base.packs.is_subset(&state.packs) {
                // "On a 404 it reads the manifest again": another gc has replaced `base`.
                return Some(with_phase(state, i, CollectorPhase::Idle));
            }
            let pack = Pack {
                generation: base.generation,
                objects: base.closure,
            };
            let mut next = with_phase(
                state,
                i,
                CollectorPhase::Packed {
                    base: base.clone(),
                    pack,
                },
            );
            next.packs.insert(pack);
            Some(next)
        }
        (CollectorStep::SendSwap, CollectorPhase::Packed { base, pack }) => {
            Some(send_swap(cluster, state, i, base, *pack))
        }
        (CollectorStep::TimeOut, CollectorPhase::AwaitsSwap { base, pack, swap }) => {
            let (base, swap) = (base.clone(), swap.clone());
            Some(with_phase(
                state,
                i,
                CollectorPhase::Unconfirmed {
                    base,
                    pack: *pack,
                    swap,
                },
            ))
        }
        (CollectorStep::ReadManifest, CollectorPhase::Unconfirmed { base, pack, swap }) => {
            Some(resolve(cluster, state, i, (base, *pack), swap))
        }
        // "Delete the keys with gen < floor that the manifest does not name." The deletes themselves come later: `Step::Delete`.
        (CollectorStep::List, CollectorPhase::Swapped) => {
            let manifest = &state.manifest;
            let is_listed = |pack: &&Pack| {
                !manifest.packs.contains(pack)
                    && (pack.generation < manifest.floor || cluster.is(Mutant::SweepAll))
            };
            let mut next = state.clone();
            next.listed.extend(state.packs.iter().filter(is_listed));
            next.collectors[i].finish(cluster);
            Some(next)
        }
        _ => None,
    }
}

fn with_phase(state: &State, i: usize, phase: CollectorPhase) -> State {
    let mut next = state.clone();
    next.collectors[i].phase = phase;
    next
}

/// "Swap to {new pack + packs added since + copies of newly reached objects} with `floor = M.generation`." The manifest that the swap
/// replaces is read here. If it has been replaced when the copies are made or the swap arrives, the swap is refused.
fn send_swap(
    cluster: &Cluster,
    state: &State,
    i: usize,
    base: &Arc<Manifest>,
    pack: Pack,
) -> State {
    let current = &state.manifest;
    let mut next = state.clone();
    // Step 4 of a write holds here too. Another gc has raised the floor, so what this one has packed may be deleted.
    if pack.generation < current.floor && !cluster.is(Mutant::NoFloor) {
        next.collectors[i].finish(cluster);
        return next;
    }
    let batch = BatchId {
        server: Server::Collector(i),
        number: state.collectors[i].batch_number,
    };
    let mut manifest = current.next(
        LogEntry {
            batch,
            requests: BTreeSet::new(),
        },
        cluster.ids_kept,
    );
    manifest.floor = base.generation;
    manifest.packs = current.packs.difference(&base.packs).copied().collect();
    manifest.packs.insert(pack);
    let missing = current.closure.without(manifest.contents());
    if missing != Objects::NONE && !cluster.is(Mutant::NoCopies) {
        let copies = Pack {
            generation: current.generation,
            objects: missing,
        };
        manifest.packs.insert(copies);
        next.packs.insert(copies);
    }
    let swap = Swap {
        parent: current.generation,
        manifest: Arc::new(manifest),
        changes: BTreeSet::new(),
    };
    await_swap(&mut next, i, (base, pack), &Arc::new(swap));
    next
}

fn await_swap(next: &mut State, i: usize, (base, pack): (&Arc<Manifest>, Pack), swap: &Arc<Swap>) {
    let (base, swap) = (base.clone(), swap.clone());
    next.messages.insert(Message::Swap(swap.clone()));
    next.collectors[i].phase = CollectorPhase::AwaitsSwap { base, pack, swap };
}

/// Step 6 of a write, for gc's swap.
fn resolve(
    cluster: &Cluster,
    state: &State,
    i: usize,
    (base, pack): (&Arc<Manifest>, Pack),
    swap: &Arc<Swap>,
) -> State {
    let listing = state.manifest.lists_swap(swap);
    let is_current = state.manifest.generation == swap.parent;
    let mut next = state.clone();
    let collector = &mut next.collectors[i];
    if listing == Listing::Listed {
        collector.phase = CollectorPhase::Swapped;
    } else if is_current {
        await_swap(&mut next, i, (base, pack), swap);
    } else if listing == Listing::NotListed && collector.retries_left > 0 {
        // The pack of the closure is used again.
        collector.retries_left -= 1;
        collector.batch_number += 1;
        collector.phase = CollectorPhase::Packed {
            base: base.clone(),
            pack,
        };
    } else {
        // What this gc has uploaded, or has not deleted, is garbage for the next one.
        collector.finish(cluster);
    }
    next
}

/// The answer 200, if the collector still waits for it.
pub fn swap_succeeded(next: &mut State, i: usize, swap: &Swap) {
    let phase = &mut next.collectors[i].phase;
    if matches!(phase, CollectorPhase::AwaitsSwap { swap: awaited, .. } if **awaited == *swap) {
        *phase = CollectorPhase::Swapped;
    }
}
