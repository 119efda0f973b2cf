//! What the store promised while it was recorded, and when: how far back a power cut may take it.
//!
//! Places in time are numbers of operations on the disk. What is promised before the N-th operation holds after a cut there.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;

use wasmstore::names::{BranchName, CommitId, ModuleHash, ModulePath};

/// What a tree holds.
pub type Listing = Vec<(ModulePath, ModuleHash)>;

/// Everything that was promised.
#[derive(Default)]
pub struct Promises {
    /// When it was acknowledged that the store was created.
    pub created: usize,
    pub branches: BTreeMap<BranchName, Line<Option<CommitId>>>,
    pub default: Line<BranchName>,
    /// What stands in each commit that was a tip.
    pub listings: BTreeMap<CommitId, Listing>,
    /// How many commits each tip reaches.
    pub depths: BTreeMap<CommitId, usize>,
    /// Every module that was ever put.
    pub modules: BTreeMap<ModuleHash, Vec<u8>>,
    /// What was done, and from when to when.
    pub steps: Vec<Step>,
}

/// One thing that was done with the store.
pub struct Step {
    pub label: String,
    pub begun: usize,
    pub acknowledged: usize,
    /// Whether stock git did it, and did not flush: it promises nothing until a change of ours rests on it.
    pub is_outside: bool,
}

/// The values that something had, one after another.
pub struct Line<T> {
    values: Vec<Value<T>>,
    /// At which time which value was acknowledged.
    acknowledged: Vec<(usize, usize)>,
}

struct Value<T> {
    what: T,
    begun: usize,
    is_outside: bool,
}

/// What may stand after a cut.
pub struct Allowed<'l, T> {
    pub values: Vec<&'l T>,
    /// Whether an outside writer did not flush what it wrote last: anything may stand there.
    pub is_outside: bool,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            acknowledged: Vec::new(),
        }
    }
}

impl<T: PartialEq + Debug> Line<T> {
    /// It may have this value from now on.
    pub fn begin(&mut self, what: T, begun: usize, is_outside: bool) {
        self.values.push(Value {
            what,
            begun,
            is_outside,
        });
    }

    /// The last value is promised.
    pub fn acknowledge(&mut self, at: usize) {
        self.acknowledge_value(at, self.values.len() - 1);
    }

    /// That value, or a later one, is promised.
    pub fn acknowledge_value(&mut self, at: usize, index: usize) {
        self.acknowledged.push((at, index));
    }

    pub fn last(&self) -> Option<&T> {
        self.values.last().map(|value| &value.what)
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// What may stand after a cut before operation `n`: the value acknowledged last, or one that was begun since.
    pub fn allowed(&self, n: usize) -> Allowed<'_, T> {
        let values = &self.values[self.span(n)];
        Allowed {
            is_outside: values.iter().skip(1).any(|value| value.is_outside),
            values: values.iter().map(|value| &value.what).collect(),
        }
    }

    fn span(&self, n: usize) -> Range<usize> {
        let acknowledged = self.acknowledged.iter().filter(|(at, _)| *at <= n);
        let first = acknowledged.map(|(_, index)| *index).max().unwrap_or(0);
        let begun = self.values.iter().take_while(|value| value.begun < n);
        first..begun.count().max(first + 1)
    }
}

impl Promises {
    /// What was going on at the time of a cut.
    pub fn during(&self, n: usize) -> String {
        let running = self
            .steps
            .iter()
            .filter(|step| step.begun < n && n < step.acknowledged);
        let running: Vec<_> = running.map(|step| step.label.as_str()).collect();
        let last = self.steps.iter().rfind(|step| step.acknowledged <= n);
        format!(
            "during {running:?}, after {:?}",
            last.map_or("nothing", |step| &step.label)
        )
    }

    /// Whether an outside writer did the operation of that number.
    pub fn is_outside_operation(&self, n: usize) -> bool {
        let mut steps = self.steps.iter().filter(|step| step.is_outside);
        steps.any(|step| step.begun <= n && n < step.acknowledged)
    }

    /// All that is promised at the time of a cut; the same is said of two cuts that have to meet the same promises.
    pub fn stage(&self, n: usize) -> (bool, bool, Vec<Range<usize>>) {
        let lines = self.branches.values().map(|line| line.span(n));
        let spans = lines.chain([self.default.span(n)]).collect();
        (n >= self.created, self.is_outside(n), spans)
    }

    /// Whether something that an outside writer wrote, who flushed nothing, has nothing of ours resting on it yet.
    pub fn is_outside(&self, n: usize) -> bool {
        let last = self.steps.iter().rfind(|step| step.begun < n);
        let before = self.steps.iter().rfind(|step| step.acknowledged <= n);
        let mut lines = self.branches.values();
        [last, before].iter().flatten().any(|step| step.is_outside)
            || lines.any(|line| line.allowed(n).is_outside)
    }
}
