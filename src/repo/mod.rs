//! The bare repository: objects, trees, commits, refs, locks, durability, garbage collection.
//!
//! Layer 1. It knows git's formats and nothing of WebAssembly: a module is a blob here.
//!
//! # On disk
//!
//! ```text
//! ROOT/                 a bare git repository (gitrepository-layout(5)): HEAD config objects/ refs/ hooks/
//! ROOT/wasmstore/       ours, ignored by git
//!   gate, lock          flock(2): see `lock.rs`; `lock` tells when a gc deleted objects
//!   refs.gate, refs.lock   flock(2): over every read-tip, judge, compare-and-swap
//!   backup.lock         flock(2): held by backup, gc and roll-up
//!   creating            there while the store is created
//!   moving              the name of the ref that was moved last: whose lock file to look at after a crash, see `ref_lock.rs`
//!   durable/            tips known to be durable with all that they reach, see `tips.rs`
//!   rolled-up           packs that the last roll-up copied, and where to: they are deleted by the next, see `roll_up.rs`
//!   tmp/                packs and loose objects in the making; spooled uploads, unlinked as soon as they are opened
//!   gc/                 packs that gc makes
//!   files/              <hash>.wasm, modules checked out for `filename`
//! ```
//!
//! # Durable
//!
//! 1. The objects of a batch of changes make up one pack. Pack and index are written under other names, both flushed, renamed,
//!    the index last, as it is what makes the pack seen; then `objects/pack` is flushed.
//! 2. A blob of more than 128 KiB has a file of its own: written under another name, flushed, renamed; then its fan-out folder and
//!    `objects/` are flushed. Its change waits for no other meanwhile.
//! 3. An object that is there already and that a new commit names is flushed likewise, whoever wrote it; an empty file, as a
//!    power cut leaves it, counts as absent and is replaced.
//! 4. A ref moves only after 1 to 3, in this order: `<ref>.lock` written, flushed, renamed, its folders flushed.
//! 5. A tip that is not known to be durable is flushed, with its folders and with every object that an outside writer left
//!    behind it, before anything is built or answered on it. Refusals and no-ops rest on it too, and on the changes of the
//!    batch that were judged before them.
//! 6. What is deleted, by `gc` or by a roll-up, is in another pack, durably, or is reached by no ref, which all are flushed then.
//!    Of a pack the index goes first, durably: an index without its pack would tell of objects that cannot be read.
//! 7. After a failed flush of a file its objects are written again under a new name: the kernel may have dropped the dirty pages.
//!    Names that are there stay, as others may rest on them, and their folder is flushed again.
//!
//! No file system is asked for more than POSIX promises: fsync(2) of a file persists its data, fsync of a folder its names.
//!
//! # Group commit
//!
//! Changes that come at the same time share the five flushes of a batch (pack, index, `objects/pack`, lock file, ref folder), and
//! each has its commit: see `group.rs`. A change goes through these files: `writing.rs` (blobs staged or written, under `lock`),
//! `publish.rs` (the loop), `group.rs` (whose turn it is), `batch.rs` (judging, and publishing for all), `draft.rs` (what a judge
//! sees), `pack_file.rs`, `moves.rs`. `recent.rs` keeps what was written for those who read it next.
//!
//! # Crashes
//!
//! Nothing is replayed. Whoever opens the store to write clears what is provably dead, if nobody writes at this moment: temporary
//! files, an index without its pack, and a lock file of ours on the ref that was moved last. That looks at a few files and at one
//! folder, however large the store is.

mod backup;
mod batch;
mod branches;
mod cache;
mod commits;
mod count;
mod create;
mod deflated;
mod diff;
mod draft;
mod durable;
mod error;
mod faults;
mod files;
mod gc;
mod group;
mod line;
mod lock;
mod loose;
mod merge;
mod moves;
mod nodes;
mod objects;
mod open;
mod opened;
mod pack_file;
mod packed_refs;
mod packs;
mod publish;
mod reach;
mod recent;
mod ref_lock;
mod refs;
mod roll_up;
mod spool;
mod squash;
mod staged;
mod tips;
mod trees;
mod wake;
mod walk;
mod writing;

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
pub use publish::{Judged, Published};
pub use spool::Spool;
pub use trees::{Entry, Node, TreeId};
pub use wake::{Call, Wake};
pub use walk::Aged;
pub use writing::Writing;
