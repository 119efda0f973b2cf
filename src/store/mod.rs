//! What a module store does: one file a verb, on `repo` (git), `wasm` (validation) and the history.
//!
//! Layer 2, and the one thing that the command line and the HTTP surface call. It is synchronous, prints nothing and knows no
//! environment.

mod audit;
mod backup;
mod branches;
mod catch_up;
mod chores;
mod cursor;
mod derived;
mod diff;
mod digests;
mod error;
mod export;
mod find;
mod follow;
mod gc;
mod import;
mod keep;
mod keeping;
mod list;
mod log;
mod maintain;
mod merge;
mod message;
mod mirrors;
mod open;
mod overview;
mod precondition;
mod push;
mod put;
mod remove;
mod replica;
mod restore;
mod rollback;
mod set;
mod statistics;
mod upload;
mod verify;
mod versions;
mod view;
mod watch;

pub use crate::repo::{
    Behind, Blob, BlobHashing, CacheUse, Call, Checked, Commit, Dropping, Fault, Guarded, Location,
    MirrorLock, ObjectFormat, PathChange, Published, RefUpdate, Refusal, Together, Wake, chain,
    step_back,
};
pub use crate::wasm::{
    Comparison, Error as ModuleError, Export, Hashing, Import, ItemChange, Kind as ModuleKind,
    ModuleInfo, Validation,
};
pub use audit::AuditEntry;
pub use chores::{Chore, Chores};
pub use cursor::{Cursor, Event, News, Place};
pub use diff::{ModuleComparison, compare};
pub use error::{Error, Kind, Result};
pub use export::write_modules;
pub use find::{Info, Module};
pub use follow::{Skipped, Wanted};
pub use gc::{Collected, History};
pub use log::LogOrder;
pub use maintain::Schedule;
pub use open::{Change, Store};
pub use overview::{Counted, Overview};
pub use precondition::{Precondition, Tags};
pub use push::{Objection, Pusher};
pub use remove::Folders;
pub use statistics::Statistics;
pub use upload::Upload;
pub use verify::{Derived, Finding};
pub use versions::Version;
pub use view::{At, Known};
pub use watch::Watcher;
