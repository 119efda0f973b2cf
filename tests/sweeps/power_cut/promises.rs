//! What the store promised during the recorded run, and when: how far back a power cut may set it.
//!
//! Times are numbers of operations on the disk. What is promised before the N-th operation holds after a cut there.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;

use wasmstore::names::{
    BranchName, CommitId, ModuleHash, ModulePath, OciDigest, OciTag, RepositoryName,
};

/// The content of a tree.
pub type Listing = Vec<(ModulePath, ModuleHash)>;

/// Everything that was promised.
#[derive(Default)]
pub struct Promises {
    /// The time when the creation of the store was acknowledged.
    pub created: usize,
    pub branches: BTreeMap<BranchName, ValueHistory<Option<CommitId>>>,
    pub default: ValueHistory<BranchName>,
    /// The content of each commit that was a tip.
    pub listings: BTreeMap<CommitId, Listing>,
    /// The number of commits that each tip reaches.
    pub depths: BTreeMap<CommitId, usize>,
    /// Every module that was ever put.
    pub modules: BTreeMap<ModuleHash, Vec<u8>>,
    /// The manifest of each tag that OCI clients push; `None` while there is no such tag.
    pub tags: BTreeMap<(RepositoryName, OciTag), ValueHistory<Option<OciDigest>>>,
    /// What OCI clients pushed.
    pub pushes: Vec<OciPush>,
    /// The operations on the store, with their times.
    pub steps: Vec<Step>,
}

/// A manifest that an OCI client pushed, and its layer.
pub struct OciPush {
    /// The time when the push was acknowledged.
    pub acknowledged: usize,
    pub repository: RepositoryName,
    pub digest: OciDigest,
    pub manifest: Vec<u8>,
    pub layer: (OciDigest, Vec<u8>),
}

/// One operation on the store.
pub struct Step {
    pub label: String,
    pub begun: usize,
    pub acknowledged: usize,
    /// Whether stock git did it, without fsync: it promises nothing until a change of the store depends on it.
    pub is_outside: bool,
}

/// The successive values of a ref or of the default branch.
pub struct ValueHistory<T> {
    values: Vec<Value<T>>,
    /// The times at which values were acknowledged.
    acknowledged: Vec<(usize, usize)>,
}

struct Value<T> {
    what: T,
    begun: usize,
    is_outside: bool,
}

/// The values that a ref may have after a cut.
pub struct Allowed<'l, T> {
    pub values: Vec<&'l T>,
    /// Whether an outside writer wrote last, without fsync: any value is allowed.
    pub is_outside: bool,
}

impl<T> Default for ValueHistory<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            acknowledged: Vec::new(),
        }
    }
}

impl<T: PartialEq + Debug> ValueHistory<T> {
    /// Records that the ref may have this value from now on.
    pub fn begin(&mut self, what: T, begun: usize, is_outside: bool) {
        self.values.push(Value {
            what,
            begun,
            is_outside,
        });
    }

    /// Records that the last value is promised.
    pub fn acknowledge(&mut self, at: usize) {
        self.acknowledge_value(at, self.values.len() - 1);
    }

    /// Records that this value, or a later one, is promised.
    pub fn acknowledge_value(&mut self, at: usize, index: usize) {
        self.acknowledged.push((at, index));
    }

    pub fn last(&self) -> Option<&T> {
        self.values.last().map(|value| &value.what)
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns the values allowed after a cut before operation `n`: the one acknowledged last, and those begun since.
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
    /// Describes the operations at the time of a cut.
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

    /// Returns whether an outside writer did the operation of this number.
    pub fn is_outside_operation(&self, n: usize) -> bool {
        let mut steps = self.steps.iter().filter(|step| step.is_outside);
        steps.any(|step| step.begun <= n && n < step.acknowledged)
    }

    /// Returns a value that is equal for two cuts with the same promises.
    pub fn stage(&self, n: usize) -> (bool, bool, Vec<Range<usize>>) {
        let lines = self.branches.values().map(|line| line.span(n));
        let spans = lines.chain([self.default.span(n)]);
        let spans = spans.chain(self.tags.values().map(|line| line.span(n)));
        (n >= self.created, self.is_outside(n), spans.collect())
    }

    /// Returns whether an outside writer wrote something without fsync that no change of the store depends on yet.
    pub fn is_outside(&self, n: usize) -> bool {
        let last = self.steps.iter().rfind(|step| step.begun < n);
        let before = self.steps.iter().rfind(|step| step.acknowledged <= n);
        let mut lines = self.branches.values();
        [last, before].iter().flatten().any(|step| step.is_outside)
            || lines.any(|line| line.allowed(n).is_outside)
    }
}
