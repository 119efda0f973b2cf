//! The bare repository: objects, trees, commits, refs, locks, durability, garbage collection.
//!
//! Layer 1. It knows git's formats and nothing of WebAssembly: a module is a blob here.
//!
//! # On disk
//!
//! ```text
//! ROOT/                 a bare git repository (gitrepository-layout(5)): HEAD config objects/ refs/
//!   hooks/              pre-receive and proc-receive, which have pushes go through us, see `hooks.rs`
//! ROOT/wasmstore/       ours, ignored by git
//!   gate, lock          flock(2): see `lock.rs`; `lock` tells when a gc deleted objects
//!   refs.gate, refs.lock   flock(2): over every read-tip, judge, compare-and-swap
//!   backup.lock         flock(2): held by backup, gc and verify
//!   roll-up.lock        flock(2): held by the one roll-up
//!   creating            there while the store is created
//!   moving              the name of the branch that was moved last: whose lock file to look at after a crash, see `ref_lock.rs`
//!   durable/            tips known to be durable with all that they reach, see `tips.rs`
//!   rolled-up           packs that the last roll-up copied, and where to: they are deleted by the next, see `roll_up.rs`
//!   tmp/                packs and loose objects in the making; spooled uploads, unlinked as soon as they are opened
//!   gc/                 packs that gc makes, and the commit-graph in the making
//!   files/              <hash>.wasm, modules checked out for `filename`
//!   replica             the URL of the primary that a replica was equal to once, see `replica.rs`
//!   mirrors/            flock(2) for each mirror, and what is known of it, see the room `remote`
//!   maintenance.lock, maintenance.json   flock(2) for the server that collects or verifies on schedule, and when one did
//!   clone/              there while a store is made from another repository, see `restored.rs`
//! ```
//!
//! # Durable
//!
//! 1. The objects of a batch of changes make up one pack. Pack and index are written under other names, both flushed, renamed,
//!    the index last, as it is what makes the pack seen; then `objects/pack` is flushed.
//! 2. A blob of more than 128 KiB has a file of its own, not compressed: written under another name, flushed, renamed; then its
//!    fan-out folder and `objects/` are flushed. Its change waits for no other meanwhile.
//! 3. An object that is there already and that a new commit names is flushed likewise, whoever wrote it; an empty file, as a
//!    power cut leaves it, counts as absent and is replaced.
//! 4. A ref moves in this order: `<ref>.lock` written, flushed, renamed, its folders flushed. It is renamed only after 1 to 3.
//! 5. A tip that is not known to be durable is flushed, with its folders and with every object that an outside writer left
//!    behind it, before anything is built or answered on it. Refusals and no-ops rest on it too, and on the changes of the
//!    batch that were judged before them.
//! 6. What is deleted, by `gc` or by a roll-up, is in another pack, durably, or is reached by no ref, which all are flushed then.
//!    Of a pack the index goes first, durably: an index without its pack would tell of objects that cannot be read. Before all of
//!    them goes the commit-graph, durably, as git takes what it names for there; `gc` has git write a new one at its end, see
//!    `graph.rs`.
//! 7. After a failed flush of a file its objects are written again under a new name: the kernel may have dropped the dirty pages.
//!    Names that are there stay, as others may rest on them, and their folder is flushed again.
//!
//! No file system is asked for more than POSIX promises: fsync(2) of a file persists its data, fsync of a folder its names.
//!
//! # Group commit
//!
//! Changes that come at the same time share the flushes of a batch, and each has its commit: see `group.rs`. The disk is waited for
//! three times: for pack, index and lock file, which are flushed beside each other, for `objects/pack`, and for the ref's folder.
//! Those who wait create the pack's files and deflate their objects meanwhile (`prepared.rs`).
//!
//! A change goes through these files: `writing.rs` (blobs staged or written, under `lock`), `publish.rs` (the loop), `group.rs`
//! (whose turn it is), `batch.rs` (judging, and publishing for all), `draft.rs` (what a judge sees), `pack_file.rs`, `pending.rs`,
//! `moves.rs`. `recent.rs` keeps what was written for those who read it next.
//!
//! # Pushes
//!
//! git-receive-pack(1) writes what is pushed into quarantine, has `pre-receive` look at it (`incoming.rs`, `updates.rs`), moves it
//! into `objects/`, and has `proc-receive` move the refs (`push.rs`). Only then, under `lock`, nothing can be collected any more: so
//! all that the new tips reach beyond the durable ones is looked for again, and flushed, and who pushed is told to push again if
//! some of it is gone. Packs with deltas are rolled up as others are (`pack_source.rs`). What a killed push leaves, `gc` removes
//! after a day (`quarantine.rs`).
//!
//! # Measured
//!
//! `cargo bench --bench post`, two cores shared with the load generator, modules with random content, Debian's `docker-registry` 2.8
//! beside it in the same run, which hashes and flushes what it takes and validates nothing; changes a second, and how many times
//! the registry's:
//!
//! | modules x connections | wasmstore | times the registry |
//! |---|---|---|
//! | 4 KiB x 1 | 327 | 3.2 |
//! | 4 KiB x 8 | 1,108 | 6.0 |
//! | 4 KiB x 64 | 1,819 | 10.0 |
//! | 1 MB x 1 | 75 | 1.0 |
//! | 1 MB x 8 | 168 | 1.2 |
//!
//! That was on ext4 without a journal, where write and fsync of 4 KiB took 0.21 ms; with a journal, and 0.76 ms, it was 1,171 and 6.8
//! times at 8 connections. Without its journal ext4 looks at every inode deleted in the last minutes when it creates a file: up to
//! 40 % of the time. A third of the time for 1 MB is validation.
//!
//! # Crashes
//!
//! Nothing is replayed. Whoever opens the store to write clears what is provably dead, if nobody writes at this moment: temporary
//! files, an index without its pack, and a lock file of ours on the ref that was moved last. That looks at a few files and at one
//! folder, however large the store is.

mod error;
mod failpoints;
mod fs;
mod gc;
mod history;
mod ids;
mod lifecycle;
mod locks;
mod objects;
mod packs;
mod parallel;
mod parts;
mod publish;
mod push;
mod refs;
mod repository;
mod thread_priority;
mod tree;
mod verify;

pub use error::{Error, Result, chain};
pub use gc::collect::{Collected, Collection};
pub use history::first_parent::Line;
pub use history::walk::Link;
pub use ids::TreeId;
pub use lifecycle::create::ObjectFormat;
pub use lifecycle::from_clone::Restoring;
pub use lifecycle::hooks::Guarded;
pub use lifecycle::maintenance_lock::MaintenanceLock;
pub use lifecycle::mirror_lock::MirrorLock;
pub use objects::blob_hash::BlobHasher;
pub use objects::cache::{Blob, CacheUse};
pub use objects::commit::Commit;
pub use objects::count::ObjectCounts;
pub use objects::db::ObjectDb;
pub use objects::spool::Spool;
pub use publish::decision::{Decision, Published};
pub use publish::draft::Draft;
pub use publish::write_txn::WriteTxn;
pub use push::incoming::Incoming;
pub use push::introduced::{Introduced, Next};
pub use push::ref_updates::{Dropping, RefUpdate, Refusal, Together};
pub use refs::store::RefStore;
pub use refs::watcher::{RefWaker, RefWatcher};
pub use repository::Repository;
pub use thread_priority::{ThreadPriority, lower_thread_priority};
pub use tree::changed::{Changed, Differ};
pub use tree::diff::PathChange;
pub use tree::entry::{Entry, Node};
pub use tree::merge::Merge;
pub use verify::check::{Check, Checked, Fault, Inspector, Location};
