//! What a module store does: one file a verb, on `repo` (git), `wasm` (validation) and the history.
//!
//! Layer 2, and the one thing that the command line and the HTTP surface call. It is synchronous, prints nothing and knows no
//! environment.

mod audit;
mod backup;
mod branches;
mod error;
mod export;
mod find;
mod gc;
mod import;
mod list;
mod log;
mod merge;
mod message;
mod open;
mod put;
mod receive;
mod remove;
mod restore;
mod rollback;
mod set;
mod versions;
mod view;
mod watch;

pub use crate::repo::{Commit, ObjectFormat, PathChange};
pub use crate::wasm::{Export, Import, Kind as ModuleKind, ModuleInfo};
pub use audit::AuditEntry;
pub use error::{Error, Kind, Result};
pub use find::{Info, Module};
pub use gc::{Collected, History};
pub use log::LogOrder;
pub use open::{Change, Store};
pub use remove::Folders;
pub use versions::Version;
pub use view::At;
pub use watch::{Event, Watcher};
