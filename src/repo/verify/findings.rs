//! The findings of a verification, and the trait that receives them.

use crate::names::{CommitId, ModuleHash};

/// The location at which an object was first found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectLocation {
    /// A commit whose tree contains the object.
    pub commit: CommitId,
    /// The object's path in the tree of `commit`, with a leading slash. Bytes that are not UTF-8 are replaced.
    pub path: String,
}

/// How severe a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultSeverity {
    /// Something is missing, damaged or invalid.
    Damage,
    /// A commit or tag has a malformed author, committer, tagger or message. git and wasmstore can still read that commit or tag, and
    /// nothing else is affected.
    Metadata,
}

/// A fault of a ref or an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFault {
    /// The full name of the ref, or the kind and id of the object.
    pub subject: String,
    /// Where the object was found; `None` for refs, commits and tags.
    pub location: Option<ObjectLocation>,
    /// The description of the fault.
    pub reason: String,
    /// How severe the fault is.
    pub severity: FaultSeverity,
}

/// The numbers of checked refs and objects, including the faulty ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyCounts {
    /// The number of refs.
    pub refs: usize,
    /// The number of commits.
    pub commits: usize,
    /// The number of trees.
    pub trees: usize,
    /// The number of blobs at paths where readers find modules.
    pub modules: usize,
}

/// Receives the findings of a check.
pub trait ObjectInspector {
    /// Checks whether a blob, whose content is known to match its id, is a valid module. The error is the reason why it is not valid.
    fn module(&mut self, hash: ModuleHash, bytes: &[u8]) -> std::result::Result<(), String>;
    /// Receives a fault.
    fn fault(&mut self, fault: StoreFault);
    /// Receives the location of an entry that is neither a module nor a directory. This is not a fault.
    fn foreign(&mut self, location: ObjectLocation);
    /// Receives the notice that one more object was checked.
    fn progress(&mut self);
}
