//! What a module store does: one file a verb, on `repo` (git), `wasm` (validation) and the history.
//!
//! Layer 2, and the one thing that the command line and the HTTP surface call. It is synchronous, prints nothing and knows no
//! environment.

mod audit;
mod backup;
mod branches;
mod commit_messages;
mod diff;
mod digest_cache;
mod error;
mod export;
mod find;
mod gc;
mod import;
mod index;
mod list;
mod log;
mod maintenance;
mod merge;
mod mirrors;
mod open;
mod overview;
mod precondition;
mod push;
mod put;
mod remove;
mod replica;
mod restore;
mod revision;
mod rollback;
mod set;
mod statistics;
mod upload;
mod verify;
mod versions;
mod watch;

pub use crate::repo::{
    Blob, BlobHasher, CacheUse, Checked, Commit, Dropping, Fault, Guarded, Location, MirrorLock,
    ObjectFormat, PathChange, Published, RefUpdate, RefWaker, RefWatcher, Refusal, ThreadPriority,
    Together, chain, lower_thread_priority,
};
pub use crate::wasm::{
    Comparison, Error as ModuleError, Export, Hashing, Import, ItemChange, Kind as ModuleKind,
    ModuleInfo, Validation,
};
pub use audit::AuditEntry;
pub use diff::{ModuleComparison, compare};
pub use error::{Error, ErrorKind, Result};
pub use export::write_modules;
pub use find::{Module, ModuleDetails};
pub use gc::{GcSummary, History};
pub use log::LogOrder;
pub use maintenance::{MaintenanceSchedule, MaintenanceState, TaskState};
pub use open::{Change, Store};
pub use overview::{CappedCount, Overview};
pub use precondition::{EntityTags, Precondition};
pub use push::{Objection, Pusher};
pub use remove::DirectoryRemoval;
pub use replica::{RemoteRefs, SkippedRef};
pub use revision::{ResolvedRevision, Revision};
pub use statistics::Statistics;
pub use upload::Upload;
pub use verify::{DerivedFaults, Finding};
pub use versions::Version;
pub use watch::{Cursor, CursorPosition, Event, PollResult, Watcher};
