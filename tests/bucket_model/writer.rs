//! A server that applies its user's change, and one that another server forwards to it ("Write" in docs/cluster.md).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bucket::{BatchId, Change, Generation, Listing, Manifest, Pack, Server, Swap};
use crate::cluster::{Cluster, Message, Mutant, ORIGIN, RECIPIENT, State};
use crate::upload::{upload_changes, upload_roll_up};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Writer {
    pub phase: Phase,
    pub batch: Batch,
    /// The pack of the last attempt. Large blobs are not uploaded again when a batch is decided again.
    pub uploaded: Option<Pack>,
    /// For the batch ids.
    batch_number: u8,
    retries_left: u8,
    has_rolled_up: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Batch {
    /// A change that was forwarded has a request id, and the generation on which that was first used.
    Changes(BTreeMap<Change, Option<Generation>>),
    RollUp,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    HasWork,
    /// The change is with the other writer.
    AwaitsAnswer,
    CaughtUp {
        base: Arc<Manifest>,
    },
    /// The packs are in the bucket.
    Uploaded {
        swap: Arc<Swap>,
    },
    AwaitsSwap {
        swap: Arc<Swap>,
    },
    /// The answer was anything but 200, or none.
    Unconfirmed {
        swap: Arc<Swap>,
    },
    /// The user got a success or an error.
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterStep {
    Forward,
    CatchUp,
    Upload,
    SendSwap,
    TimeOut,
    ReadManifest,
    RollUp,
}

impl WriterStep {
    pub const ALL: [Self; 7] = [
        Self::Forward,
        Self::CatchUp,
        Self::Upload,
        Self::SendSwap,
        Self::TimeOut,
        Self::ReadManifest,
        Self::RollUp,
    ];
}

impl Writer {
    pub fn new(own: Change, cluster: &Cluster) -> Self {
        Self {
            phase: Phase::HasWork,
            batch: Batch::Changes(BTreeMap::from([(own, None)])),
            uploaded: None,
            batch_number: 0,
            retries_left: cluster.retries,
            has_rolled_up: false,
        }
    }

    /// Adds a forwarded change to the next batch. A request that arrives during a batch waits: it is delivered later.
    pub fn accept(&mut self, cluster: &Cluster, change: Change, sent_at: Generation) -> Option<()> {
        match (&self.phase, &mut self.batch) {
            (Phase::HasWork, Batch::Changes(changes)) => {
                changes.insert(change, Some(sent_at));
            }
            (Phase::Finished, _) => {
                self.start(
                    cluster,
                    Batch::Changes(BTreeMap::from([(change, Some(sent_at))])),
                );
            }
            _ => return None,
        }
        Some(())
    }

    fn start(&mut self, cluster: &Cluster, batch: Batch) {
        self.phase = Phase::HasWork;
        self.batch = batch;
        self.retries_left = cluster.retries;
    }

    /// Forgets what the next batch does not need, so that states that behave alike are one.
    pub fn finish(&mut self) {
        self.phase = Phase::Finished;
        self.batch = Batch::Changes(BTreeMap::new());
        self.uploaded = None;
        self.batch_number += 1;
        self.retries_left = 0;
    }

    pub fn batch_id(&self, i: usize) -> BatchId {
        BatchId {
            server: Server::Writer(i),
            number: self.batch_number,
        }
    }

    fn decide_again(&mut self, base: &Arc<Manifest>) {
        if self.retries_left == 0 {
            self.finish();
        } else {
            self.retries_left -= 1;
            self.batch_number += 1;
            self.phase = Phase::CaughtUp { base: base.clone() };
        }
    }
}

/// Returns the state after writer `i` takes `step`, if it can.
pub fn take(cluster: &Cluster, state: &State, i: usize, step: WriterStep) -> Option<State> {
    let writer = &state.writers[i];
    match (step, &writer.phase) {
        // "A server that is not the last writer POSTs the change with its request id to the writer's URL."
        (WriterStep::Forward, Phase::HasWork) if cluster.forwards && i == ORIGIN => {
            let sent_at = state.manifest.generation;
            let mut next = with_phase(state, i, Phase::AwaitsAnswer);
            next.messages.insert(Message::Forward { sent_at });
            next.writers[i].batch = Batch::Changes(BTreeMap::from([(i, Some(sent_at))]));
            Some(next)
        }
        // Step 1 of a write. "After 1.5 s or a reset, it swaps by itself."
        (WriterStep::CatchUp, Phase::HasWork | Phase::AwaitsAnswer) => {
            let base = state.manifest.clone();
            Some(with_phase(state, i, Phase::CaughtUp { base }))
        }
        (WriterStep::Upload, Phase::CaughtUp { base }) => {
            let mut next = state.clone();
            match &writer.batch {
                Batch::Changes(changes) => upload_changes(cluster, &mut next, i, base, changes),
                Batch::RollUp => upload_roll_up(cluster, &mut next, i, base),
            }
            Some(next)
        }
        // Step 5. A writer that is suspended before this step is a zombie, and so is one whose PUT is late.
        (WriterStep::SendSwap, Phase::Uploaded { swap }) => {
            let mut next = send(state, i, swap);
            if cluster.is(Mutant::AckEarly) && swap.changes.contains(&i) {
                next.history.acknowledged.insert(i);
            }
            Some(next)
        }
        (WriterStep::TimeOut, Phase::AwaitsSwap { swap }) => {
            let swap = swap.clone();
            Some(with_phase(state, i, Phase::Unconfirmed { swap }))
        }
        (WriterStep::ReadManifest, Phase::Unconfirmed { swap }) => {
            Some(resolve(cluster, state, i, swap))
        }
        // "One server (the last writer) does roll-ups."
        (WriterStep::RollUp, Phase::Finished)
            if cluster.rolls_up && i == RECIPIENT && !writer.has_rolled_up =>
        {
            let mut next = state.clone();
            next.writers[i].start(cluster, Batch::RollUp);
            next.writers[i].has_rolled_up = true;
            Some(next)
        }
        _ => None,
    }
}

fn with_phase(state: &State, i: usize, phase: Phase) -> State {
    let mut next = state.clone();
    next.writers[i].phase = phase;
    next
}

fn send(state: &State, i: usize, swap: &Arc<Swap>) -> State {
    let mut next = with_phase(state, i, Phase::AwaitsSwap { swap: swap.clone() });
    next.messages.insert(Message::Swap(swap.clone()));
    next
}

/// Step 6 of a write: "On anything but 200, read the manifest."
fn resolve(cluster: &Cluster, state: &State, i: usize, swap: &Arc<Swap>) -> State {
    let listing = state.manifest.lists_swap(swap);
    if listing == Listing::NotListed
        && state.manifest.generation == swap.parent
        && !cluster.is(Mutant::NewBatch)
    {
        // "The ETag is unchanged: send the same bytes again", because a late PUT may still land.
        return send(state, i, swap);
    }
    let mut next = state.clone();
    match listing {
        Listing::Listed if !cluster.is(Mutant::NoCheck) => confirm(&mut next, i, swap),
        // The swap may have been applied. To decide again could apply its changes twice, so the users get an error that says so.
        Listing::Forgotten
            if !cluster.is(Mutant::NoCheck) && !cluster.is(Mutant::ForgottenIsAbsent) =>
        {
            next.writers[i].finish()
        }
        // "The ETag changed: decide the changes again."
        _ => next.writers[i].decide_again(&state.manifest),
    }
    next
}

/// The answer 200, if the writer still waits for it.
pub fn swap_succeeded(next: &mut State, i: usize, swap: &Swap) {
    if matches!(&next.writers[i].phase, Phase::AwaitsSwap { swap: awaited } if **awaited == *swap) {
        confirm(next, i, swap);
    }
}

fn confirm(next: &mut State, i: usize, swap: &Swap) {
    for &change in &swap.changes {
        succeed(next, i, change);
    }
    next.writers[i].finish();
}

/// Step 7: responds to the user, or to the server that forwarded the change.
pub fn succeed(next: &mut State, i: usize, change: Change) {
    if change == i {
        next.history.acknowledged.insert(change);
    } else {
        next.messages.insert(Message::Answer);
    }
}
