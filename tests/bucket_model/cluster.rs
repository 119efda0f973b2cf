//! The state of all servers, the bucket and the network; the steps between states; the invariants.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use stateright::{Model, Property};

use crate::bucket::{
    BatchId, Change, Generation, History, Manifest, Objects, Pack, Packs, Server, Swap,
};
use crate::collector::{Collector, CollectorStep};
use crate::writer::{Phase, Writer, WriterStep};

/// The writer to which the other one forwards, because it takes it for the last writer.
pub const RECIPIENT: usize = 0;
pub const ORIGIN: usize = 1;

/// The bounds of the model, and the rule that a mutant breaks.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub collectors: usize,
    /// How often each collector runs gc.
    pub gcs: u8,
    /// How often a server decides a batch again before it returns an error.
    pub retries: u8,
    /// Of how many generations the manifest keeps the ids.
    pub ids_kept: usize,
    /// Writer 1 may forward its change to writer 0.
    pub forwards: bool,
    /// Writer 0 rolls up two packs after its change.
    pub rolls_up: bool,
    /// Writer 1's change adds no object, but restores one that only garbage in the bucket has, as a roll-back does.
    pub restores: bool,
    pub mutant: Option<Mutant>,
}

/// A protocol without one of its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A server adds a pack without comparing its generation with the floor.
    NoFloor,
    /// A server decides its batch again without looking for its id in the manifest.
    NoCheck,
    /// The bucket ignores `If-Match`.
    NoCas,
    /// gc deletes all keys that are not named, not only those below the floor.
    SweepAll,
    /// A writer responds when it has sent the swap.
    AckEarly,
    /// A server whose swap timed out sends another manifest on the same parent, not the same bytes again.
    NewBatch,
    /// A server applies a forwarded change without looking for its request id in the manifest.
    NoIds,
    /// A server takes an id that is older than the manifest's list for one that was never applied.
    ForgottenIsAbsent,
    /// A writer takes an object that was once in the bucket, and is in its cache, for one that the named packs still have.
    CacheIsBucket,
    /// gc's swap does not copy the objects that have become reachable since it packed.
    NoCopies,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Swap(Arc<Swap>),
    /// Writer 1's change and the generation that it had read when it sent this.
    Forward {
        sent_at: Generation,
    },
    /// Writer 0's success for it.
    Answer,
}

/// Servers read the manifest and packs at once: a slow read is a read followed by a step that comes late.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub manifest: Arc<Manifest>,
    pub packs: Packs,
    /// Messages in the network. One that is never delivered is lost. Delivery in any order, at any time.
    pub messages: BTreeSet<Message>,
    pub writers: [Writer; 2],
    pub collectors: Vec<Collector>,
    /// Keys that some gc has listed to delete.
    pub listed: Packs,
    pub history: History,
}

/// No step stands for a crash: a server that takes no further step has crashed. Nor for a lost answer: that is a time-out before the swap is applied.
/// At the bounds of the short form, both of them and a step for each refusal gave four to six times the states, and no other result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Writer(usize, WriterStep),
    Collector(usize, CollectorStep),
    Deliver(Message),
    /// A gc deletes a key that it has listed, even long after ("A zombie's delete is harmless"), or a late copy of the request does it again.
    Delete(Pack),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Writer(i, step) => write!(f, "writer {i}: {step:?}"),
            Self::Collector(i, step) => write!(f, "gc {i}: {step:?}"),
            Self::Deliver(Message::Swap(swap)) => {
                let BatchId { server, number } = swap.batch();
                write!(
                    f,
                    "{server:?}'s batch {number} replaces generation {}",
                    swap.parent
                )
            }
            Self::Deliver(message) => write!(f, "{message:?} arrives"),
            Self::Delete(Pack {
                generation,
                objects,
            }) => write!(f, "delete {generation}-{objects:?}"),
        }
    }
}

impl Cluster {
    pub fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// The objects that the refs reach because of a change.
    pub fn objects(&self, change: Change) -> Objects {
        if self.restores && change == ORIGIN {
            Objects::GARBAGE
        } else {
            Objects::added_by(change)
        }
    }

    fn deliver(&self, state: &State, message: &Message) -> Option<State> {
        match message {
            Message::Swap(swap) => self.apply(state, swap),
            Message::Forward { sent_at } => {
                let mut next = state.clone();
                next.writers[RECIPIENT].accept(self, ORIGIN, *sent_at)?;
                next.messages.remove(message);
                Some(next)
            }
            Message::Answer => {
                // An answer after the time-out is ignored: the origin swaps by itself and finds its id.
                if state.writers[ORIGIN].phase != Phase::AwaitsAnswer {
                    return None;
                }
                let mut next = state.clone();
                next.messages.remove(message);
                next.history.acknowledged.insert(ORIGIN);
                next.writers[ORIGIN].finish();
                Some(next)
            }
        }
    }

    /// Applies a swap whose parent is the current manifest. The sender gets the answer unless it has timed out.
    fn apply(&self, state: &State, swap: &Arc<Swap>) -> Option<State> {
        if state.manifest.generation != swap.parent && !self.is(Mutant::NoCas) {
            return None;
        }
        let mut next = state.clone();
        next.messages.remove(&Message::Swap(swap.clone()));
        next.history.record(&state.manifest, swap);
        next.manifest = swap.manifest.clone();
        if !self.is(Mutant::NoCas) {
            // A swap with another parent can only be refused from now on. Its sender's time-out stands for the refusal, because
            // step 6 of a write is the same after both.
            next.messages
                .retain(|message| !matches!(message, Message::Swap(late) if late.parent != swap.manifest.generation));
        }
        match swap.batch().server {
            Server::Writer(i) => crate::writer::swap_succeeded(&mut next, i, swap),
            Server::Collector(i) => crate::collector::swap_succeeded(&mut next, i, swap),
        }
        Some(next)
    }
}

impl Model for Cluster {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let manifest = Arc::new(Manifest::first());
        vec![State {
            packs: manifest.packs.clone(),
            manifest,
            messages: BTreeSet::new(),
            writers: [Writer::new(0, self), Writer::new(1, self)],
            collectors: vec![Collector::new(self); self.collectors],
            listed: Packs::new(),
            history: History::default(),
        }]
    }

    /// Offers every step of every server; `next_state` leaves out those that cannot be taken.
    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for i in 0..state.writers.len() {
            steps.extend(WriterStep::ALL.map(|step| Step::Writer(i, step)));
        }
        for i in 0..state.collectors.len() {
            steps.extend(CollectorStep::ALL.map(|step| Step::Collector(i, step)));
        }
        steps.extend(state.messages.iter().cloned().map(Step::Deliver));
        steps.extend(
            state
                .listed
                .intersection(&state.packs)
                .copied()
                .map(Step::Delete),
        );
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        match step {
            Step::Writer(i, step) => crate::writer::take(self, state, i, step),
            Step::Collector(i, step) => crate::collector::take(self, state, i, step),
            Step::Deliver(message) => self.deliver(state, &message),
            Step::Delete(pack) => {
                let mut next = state.clone();
                next.packs.remove(&pack);
                Some(next)
            }
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(PACKS_EXIST, |_, state: &State| {
                state.manifest.packs.is_subset(&state.packs)
            }),
            Property::always(CLOSURE_IS_COVERED, |_, state: &State| {
                state.manifest.contents().contains(state.manifest.closure)
            }),
            Property::always(NOTHING_IS_LOST, |cluster: &Self, state: &State| {
                let mut acknowledged = state.history.acknowledged.iter();
                acknowledged.all(|&change| state.manifest.closure.contains(cluster.objects(change)))
            }),
            Property::always(NOTHING_TWICE, |_, state: &State| {
                state.history.applied.iter().all(|&times| times <= 1)
            }),
            Property::always(ONLY_GROW, |_, state: &State| !state.history.has_gone_back),
            Property::always(ONE_CHILD, |_, state: &State| {
                !state.history.has_shared_parent
            }),
            Property::always(DEAD_STAYS_DEAD, |_, state: &State| {
                !state.history.has_named_dead_key
            }),
            // Without these, a model in which nothing succeeds would have no fault either.
            Property::sometimes(
                "both changes are acknowledged, and gc has deleted the first pack",
                |_, state: &State| {
                    state.history.acknowledged.len() == 2
                        && !state.packs.is_superset(&Manifest::first().packs)
                },
            ),
        ];
        if self.forwards {
            properties.push(Property::sometimes(
                "one swap applies both changes, and both users get a success",
                |_, state: &State| {
                    state.history.acknowledged.len() == 2 && state.history.parents.len() == 1
                },
            ));
        }
        if self.rolls_up {
            properties.push(Property::sometimes(
                "a roll-up replaces two packs",
                |_, state: &State| {
                    state.manifest.floor == 0
                        && !state.manifest.packs.is_superset(&Manifest::first().packs)
                },
            ));
        }
        properties
    }
}

pub const PACKS_EXIST: &str = "every named pack exists";
pub const CLOSURE_IS_COVERED: &str = "the named packs cover the closure of the refs";
pub const NOTHING_IS_LOST: &str = "an acknowledged change is in every later manifest";
pub const NOTHING_TWICE: &str = "a change is applied at most once";
pub const ONLY_GROW: &str = "generation and floor only grow";
pub const ONE_CHILD: &str = "no two manifests share a parent";
pub const DEAD_STAYS_DEAD: &str = "a dead key is never named again";
