//! The bare repository: objects, packs, refs, trees, history, publishing, pushes, garbage collection and verification.
//!
//! Layer 1 (`lib.rs` lists the layers). This subsystem knows git's formats, and nothing about WebAssembly: here, a module is a blob.
//!
//! # Structure
//!
//! [`Repository`] is a facade. Below it, each type owns its state: [`ObjectDb`] (the gix handle and the caches), `PackDir` (which packs
//! are durable, roll-ups), [`RefStore`] with `DurableTips`, and `Publisher` (group commit). The subdirectories depend on each other in
//! one direction, which `tests/layers.rs` checks:
//!
//! | from low to high | content |
//! |---|---|
//! | `authority` | the trait `Authority`, which decides whether a ref moves, and its types |
//! | `broken_ref` `error` `failpoints` `following` `ids` `fs` `parallel` `thread_priority` `locks` | helpers; `locks` has the lock order |
//! | `objects` | the object database, caches, commit objects, loose objects, spooled uploads |
//! | `packs` | the directory `objects/pack`, the pack writer, roll-ups |
//! | `refs` | reading refs, the durable compare-and-swap, durable tips, change notification |
//! | `parts` | objects, packs, refs and locks of one open repository |
//! | `follow` | making the refs and packs of the repository equal to the shared state in a bucket |
//! | `tree` | reading, editing, comparing and merging trees |
//! | `history` | walks over commits |
//! | `publish` | write transactions, batches, group commit |
//! | `lifecycle` | creating, opening, cloning and backing up a repository; its hooks and configuration |
//! | `push` | validating and applying pushes into the store |
//! | `gc` | garbage collection |
//! | `verify` | verification |
//! | `repository` | the facade |
//!
//! # On disk
//!
//! ```text
//! ROOT/                 a bare git repository (gitrepository-layout(5)): HEAD config objects/ refs/
//!   hooks/              pre-receive and proc-receive, which route pushes through wasmstore: see lifecycle/hooks.rs
//! ROOT/wasmstore/       wasmstore's own files, ignored by git
//!   gate, lock          flock(2): see locks.rs; lock contains the time of the last gc
//!   refs.gate, refs.lock   flock(2): held for every ref update, from reading the tip to the compare-and-swap
//!   backup.lock         flock(2): held by backup, gc and verify
//!   roll-up.lock        flock(2): held by the one running roll-up
//!   creating            exists while the store is created; see lifecycle/create.rs
//!   moving              the refs that were moved last, whose lock files may be left after a crash: see refs/lock.rs
//!   durable/            the tips that are known to be durable, with everything that they reach: see refs/durable_tips.rs
//!   rolled-up           the packs that the last roll-up copied, which the next one deletes: see packs/roll_up.rs
//!   tmp/                packs and loose objects that are being written; spooled uploads, unlinked as soon as they are opened
//!   gc/                 packs and the commit-graph that gc is writing
//!   files/              <hash>.wasm, modules that the command `filename` wrote to files
//!   replica             the URL of a primary, written when this replica has become equal to that primary: see lifecycle/replica_mark.rs
//!   mirrors/            a lock file for each mirror, and the mirror's state: see the subsystem `remote`
//!   generation          only in a copy of a bucket: the generation of the shared state that the refs are equal to: see follow/catch_up.rs
//!   maintenance.lock, maintenance.json   the lock of scheduled maintenance, and the record of its finished jobs
//!   clone/              exists while a store is created from another repository: see lifecycle/from_clone.rs
//! ```
//!
//! # Durability invariants
//!
//! These invariants rely on POSIX only: fsync(2) of a file persists its data, and fsync(2) of a directory persists the names in it.
//!
//! 1. The objects of a batch form one pack. Pack and index are written under temporary names, both are fsynced, then both are renamed,
//!    the index last because git does not see a pack without its index. Then `objects/pack` is fsynced.
//! 2. A blob of more than 128 KiB becomes a loose object without compression: written under a temporary name, fsynced, renamed; then
//!    its fan-out directory and `objects/` are fsynced. This happens before the change enters a batch, so no other change waits for it.
//! 3. An existing object that a new commit names is fsynced in the same way, whichever program wrote it. An empty file, as a power cut
//!    leaves it, counts as absent and is replaced. If it is the blob of an upload, it is also hashed, and stored again if it is damaged
//!    (`objects/copies.rs`).
//! 4. A ref moves in this order: `<ref>.lock` is written and fsynced, renamed, and its directories are fsynced. The rename happens after
//!    all steps of 1 to 3.
//! 5. A tip that is not known to be durable is fsynced before a commit is built on it and before it is reported: the ref, its directories,
//!    and every object that the tip reaches and another program wrote. The refusal of a change, or the result that it had no effect, is
//!    also reported only after that fsync, and only after the earlier changes of its batch are durable.
//! 6. `gc` and roll-ups delete an object only if it is durable in another pack, or if no ref reaches it and all refs were fsynced. The
//!    index of a pack is deleted first, durably, because an index without its pack lists objects that cannot be read. The commit-graph is
//!    deleted before pack and index, durably, because git assumes that every commit in it exists; `gc` lets git write a new one at its end.
//! 7. After a failed fsync of a file, its objects are written to a new file, because the kernel may have dropped the dirty pages. After
//!    a failed fsync of a directory, the files in it stay, because other refs may depend on them, and the directory is fsynced again.
//!
//! # A write
//!
//! Concurrent changes share the fsyncs of a batch, and each becomes its own commit. A change passes these files of `publish/`:
//! `write_txn.rs` (stores blobs under `lock`), `group_commit.rs` (waits until it can join the batch), `batch/decide.rs` (decides the
//! change: applies it to a draft or refuses it), `draft.rs` (the tree that the change edits), `batch.rs` (publishes the batch),
//! `tip_update.rs`; and then `packs/writer.rs` and `refs/update.rs`. A batch waits for the disk three times: for the pack, its index and
//! the ref's lock file, whose fsyncs run in parallel; for `objects/pack`; and for the ref's directory. Waiting threads create the pack's
//! files and compress their objects (`preallocated_files.rs`). `batch_carryover.rs` keeps the new objects in memory for the next change and
//! for readers.
//!
//! # A push
//!
//! git-receive-pack(1) writes the pushed objects into its quarantine directory, and `pre-receive` validates them there (`push/incoming.rs`,
//! `push/ref_updates.rs`). git then moves them into `objects/`, and `proc-receive` moves the refs (`push/apply.rs`). `proc-receive` takes
//! `lock` before it moves the refs, and nothing holds `lock` before that, so `gc` may have deleted objects since the validation. So every
//! object that the new tips reach, and that no durable tip reaches, is looked up again and fsynced. If such an object is missing, the
//! client is asked to push again. Packs with deltas are rolled up like others (`packs/copy.rs`). `gc` removes the files that a killed push
//! left behind, after a day (`push/quarantine.rs`).
//!
//! # A crash
//!
//! Nothing is replayed. Opening the store for writing removes what is provably abandoned, if no other process writes at that moment:
//! temporary files, an index without its pack, and wasmstore's own lock files of the refs that were moved last. To find them, it reads a
//! few files and one directory, however large the store is.

mod authority;
mod broken_ref;
mod error;
mod failpoints;
mod follow;
mod following;
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

pub use authority::{
    AppliedRequest, Authority, AuthorityCounters, Freshness, PackFiles, PackKey, RefUpdate,
    RequestCount, RequestEnd, RequestId, SharedRefs, SharedState, Swap,
};
pub use broken_ref::BrokenRef;
pub use error::{Error, Result, chain};
pub use gc::collect::{GcRequest, GcResult, NewHistory};
pub use gc::dropped_versions::DroppedVersions;
pub use gc::own_history::OwnHistory;
pub use gc::rewrite::Rewrite;
pub use history::divergence::CommitCount;
pub use history::first_parent::FirstParentHistory;
pub use history::walk::CommitNode;
pub use ids::TreeId;
pub use lifecycle::blob_uploads::{BlobUpload, BlobUploads};
pub use lifecycle::bucket_mark::{BucketMark, NewShared};
pub use lifecycle::config::config_numbers;
pub use lifecycle::create::ObjectFormat;
pub use lifecycle::from_clone::CloneTarget;
pub use lifecycle::hooks::PushHooks;
pub use lifecycle::maintenance_lock::MaintenanceLock;
pub use lifecycle::mirror_lock::MirrorLock;
pub use lifecycle::upload_area::UploadArea;
pub use objects::blob_hash::BlobHasher;
pub use objects::cache::{Blob, CacheUse};
pub use objects::commit::Commit;
pub use objects::count::ObjectCounts;
pub use objects::db::ObjectDb;
pub use objects::spool::Spool;
pub use objects::tag::Annotation;
pub use publish::change_refs::ChangeRefs;
pub use publish::decision::{Decision, Published};
pub use publish::draft::Draft;
pub use publish::tags::{ExistingRef, NewTag};
pub use publish::write_txn::WriteTxn;
pub use push::identities::Identity;
pub use push::incoming::{IncomingObjects, QuarantinedObjects};
pub use push::introduced::{Introduced, IntroducedEntry, WalkControl};
pub use push::pushed_commit::PushedCommit;
pub use push::ref_updates::{Atomicity, DropPolicy, Refusal};
pub use push::tree_weight::TreeScale;
pub use refs::read::BranchesAndTags;
pub use refs::registry_tips::RegistryTips;
pub use refs::store::RefStore;
pub use refs::watcher::{RefWaker, RefWatcher};
pub use repository::Repository;
pub use thread_priority::{ThreadPriority, lower_thread_priority};
pub use tree::diff::PathChange;
pub use tree::edit::graft::{Graft, GraftFindings};
pub use tree::encoded_diff::{DiffExtent, TreeChange, TreeDiffer};
pub use tree::entry::{ModuleEntry, TreeEntry, TreeNode};
pub use tree::extent::{TreeExtent, TreeExtents, TreeWeight};
pub use tree::lookup::{CachedNode, DirectoryPart};
pub use tree::merge::Merge;
pub use verify::check::VerifyGuard;
pub use verify::findings::{
    FaultSeverity, ObjectInspector, ObjectLocation, StoreFault, VerifyCounts,
};
