//! The bare repository: objects, trees, commits, refs, locks, durability, garbage collection.
//!
//! Layer 1. It knows git's formats and nothing of WebAssembly: a module is a blob here.
//!
//! # On disk
//!
//! ```text
//! ROOT/                 a bare git repository (gitrepository-layout(5)): HEAD config objects/ refs/ hooks/
//! ROOT/wasmstore/       ours, ignored by git
//!   gate, lock          flock(2): see `lock.rs`
//!   refs.lock           flock(2): over every read-tip, judge, compare-and-swap
//!   backup.lock         flock(2): held by backup and by gc
//!   creating            there while the store is created
//!   moving, moving-packed   which lock file of git's is ours: tells a dead writer's, see `ref_lock.rs`
//!   durable/            tips known to be durable with all that they reach, see `tips.rs`
//!   tmp/                loose objects in the making; spooled uploads, unlinked as soon as they are opened
//!   gc/                 packs in the making
//!   files/              <hash>.wasm, modules checked out for `filename`
//! ```
//!
//! # Durable
//!
//! 1. A loose object is written to a new file, flushed, renamed; then its fan-out folder and `objects/` are flushed.
//! 2. An object that is there already and that a new commit names is flushed likewise, whoever wrote it; an empty file, as a
//!    power cut leaves it, counts as absent and is replaced.
//! 3. A ref moves only after 1 and 2, in this order: `<ref>.lock` written, flushed, renamed, its folders flushed.
//! 4. A tip that is not known to be durable is flushed, with its folders and with every object that an outside writer left
//!    behind it, before anything is built or answered on it; refusals and no-ops rest on it too.
//! 5. A pack is written under another name; pack and index are flushed before they are renamed, pack first, and
//!    `objects/pack` is flushed before `gc` deletes what the pack replaces; so is every ref.
//! 6. After a failed flush the object is written again under a new name: the kernel may have dropped the dirty pages.
//!
//! No file system is asked for more than POSIX promises: fsync(2) of a file persists its data, fsync of a folder its names.

mod backup;
mod branches;
mod cache;
mod commits;
mod count;
mod create;
mod diff;
mod draft;
mod durable;
mod error;
mod files;
mod gc;
mod line;
mod lock;
mod loose;
mod merge;
mod moves;
mod nodes;
mod objects;
mod open;
mod packed_refs;
mod packs;
mod publish;
mod reach;
mod ref_lock;
mod refs;
mod spool;
mod squash;
mod tips;
mod trees;
mod wake;
mod walk;

pub use cache::{Blob, CacheUse};
pub use commits::Commit;
pub use count::ObjectCounts;
pub use create::ObjectFormat;
pub use diff::PathChange;
pub use draft::Draft;
pub use error::{Error, Result};
pub use gc::{Collected, Collection};
pub use line::Line;
pub use merge::Merge;
pub use open::Repository;
pub use publish::{Judged, Published, Writing};
pub use spool::Spool;
pub use trees::{Entry, Node, TreeId};
pub use wake::{Call, Wake};
pub use walk::Aged;
