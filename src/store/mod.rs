//! The operations of a module store, one file per verb, built on `repo` (git), `wasm` (validation) and `index` (history queries).
//!
//! This is layer 2, and the only part that the HTTP API and the command line call. It is synchronous, prints nothing, and does not read the
//! environment.

mod after_commit;
mod audit;
mod backup;
mod branch_relation;
mod branches;
mod change;
mod check_push;
mod commit_filter;
mod commit_messages;
mod compare_modules;
mod described_bytes;
mod diff;
mod digest_cache;
mod directory;
mod directory_log;
mod early_checks;
mod early_selection;
mod entry_names;
mod error;
mod error_kind;
mod export;
mod facts;
mod find;
mod from_clone;
mod gc;
mod glob_matcher;
mod import;
mod index;
mod intake_limits;
mod list;
mod list_details;
mod log;
mod maintenance;
mod merge;
mod mirrors;
mod modules_upload;
mod named_commit;
mod named_revision;
mod open;
mod overview;
mod path_conditions;
mod path_log;
mod precondition;
mod preview;
mod publish;
mod push;
mod put;
mod put_files;
mod put_kept;
mod put_modules;
mod put_uploaded;
mod registry;
mod relocation;
mod remove;
mod remove_selected;
mod replica;
mod resolve;
mod restore;
mod revision;
mod rollback;
mod search;
mod set;
mod shared;
mod size_changes;
mod statistics;
mod tags;
mod upload;
mod valid_modules;
mod verify;
mod version_lists;
mod versions;
mod watch;
mod wit;
mod world;

pub use crate::index::ItemKind;
pub use crate::index::ManifestEntry;
pub use crate::repo::{
    Atomicity, Authority, AuthorityCounters, Blob, BlobHasher, BranchesAndTags, BrokenRef,
    BucketMark, CacheUse, Commit, CommitCount, DropPolicy, FaultSeverity, MirrorLock, NewShared,
    ObjectFormat, ObjectLocation, PackFiles, PackKey, PathChange, Published, PushHooks, RefUpdate,
    RefWaker, RefWatcher, Refusal, RegistryTips, RequestCount, RequestEnd, RequestId, SharedState,
    StoreFault, ThreadPriority, TreeId, TreeNode, UploadArea, VerifyCounts, chain,
    lower_thread_priority,
};
pub use crate::wasm::{
    Cancellation, Comparison, Compatibility, Crates, Cut, Error as ModuleError, Export, Facts,
    FunctionSize, GroupSize, Hashing, Hashing512, Import, InterfaceNames, ItemChange, Metadata,
    ModuleInfo, ModuleKind, Requirements, SectionChange, SectionKind, SectionSize, SegmentSize,
    TypedExport, TypedImport, Validation, Verdict, WORLD_BYTES_MAX, WitError, WitFacts, WitItem,
    WitSource, is_component, sha256,
};
pub use audit::AuditEntry;
pub use backup::BackupSizes;
pub use branch_relation::{BranchRelation, MergeOutcome, MergePreview};
pub use change::Change;
pub use check_push::{Objection, Pusher};
pub use commit_filter::CommitFilter;
pub use commit_messages::RESTORES;
pub use compare_modules::{ComparedModules, compare_validated};
pub use described_bytes::{DescribedBytes, SHA1_DIGITS, module_hash};
pub use diff::{ModuleComparison, ModuleDiff, compare};
pub use directory::{DirectoryEntry, DirectoryPage, EntryNode};
pub use error::{Error, Result};
pub use error_kind::ErrorKind;
pub use export::write_modules;
pub use facts::{ModuleFacts, ModuleSummary, WitResult};
pub use find::{Module, ModuleDetails};
pub use gc::{GcPreview, GcSummary, History, KeptForRefs, Retention};
pub use import::ImportFilter;
pub use list_details::{LastChange, ListedModule};
pub use log::{LogOrder, LogSelection};
pub use maintenance::{MaintenanceSchedule, MaintenanceState, TaskState};
pub use merge::{FastForward, MergeOptions, MergeSummary};
pub use modules_upload::ModulesUpload;
pub use open::Store;
pub use overview::{CappedCount, Overview};
pub use path_conditions::{PathCondition, PathConditions};
pub use path_log::{
    ChangeFilter, Growth, GrowthError, ItemState, MatchedChange, MatchedCommit, MatchedItem,
};
pub use precondition::{EntityTags, Precondition};
pub use preview::PreviewedModule;
pub use put_files::ModuleFiles;
pub use put_kept::PlannedModule;
pub use registry::{
    BlobUpload, RecordKeeper, RecordsEdit, RegistryDraft, RegistryError, RegistryView,
    RegistryWrite,
};
pub use relocation::{ExistingModules, Relocation};
pub use remove::DirectoryRemoval;
pub use remove_selected::select_by_glob;
pub use replica::{RemoteRefs, SkippedRef};
pub use revision::{ResolvedRevision, Revision};
pub use rollback::UndoneChange;
pub use search::{
    FoundItem, ItemPattern, MATCHED_BYTES_MAX, MatchedTerms, Query, QueryError, SearchCursor,
    SearchDetail, SearchMatch, SearchPage, SearchScope,
};
pub use shared::FollowWait;
pub use size_changes::{PartSizeChange, SizeChanges};
pub use statistics::Statistics;
pub use tags::{ExistingTag, Tag};
pub use upload::Upload;
pub use verify::{DerivedFaults, Finding};
pub use versions::Version;
pub use watch::{BranchCursor, CursorPosition, Event, EventFilter, PollResult, Watcher};
pub use wit::ModuleWit;
pub use world::{WorldCheck, WorldScope, WorldSource};
