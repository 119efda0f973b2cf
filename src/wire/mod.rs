//! The JSON types and archives that the HTTP API, its client and the command line share.
//!
//! Layer 3 of the crate (see `lib.rs`). The server and the command line convert names and values of the store to these types, and the
//! client parses them.

mod archive;
mod as_string;
mod branch_event;
mod changes;
mod commit;
mod commit_filter;
mod compared_modules;
mod diff;
mod digest_field;
mod event;
mod gc;
mod info;
mod item_diff;
mod kept_for_refs;
mod listed_module;
mod matched;
mod metadata;
mod module_diff;
mod modules;
mod percent_encoding;
mod problem;
pub mod schema;
mod search;
mod selections;
mod size_parts;
mod sizes;
mod tag;
mod undone_change;
mod verify;
mod version;
mod world;

/// The response header with the commit to which a tag pointed before the request moved it.
pub const MOVED_FROM: &str = "wasmstore-moved-from";
/// The response header with the tip of the branch before a merge that fast-forwarded it.
pub const FORWARDED_FROM: &str = "wasmstore-forwarded-from";
/// The response header with the commit that a rollback has undone.
pub const UNDONE: &str = "wasmstore-undone";

pub use archive::{
    ARCHIVE_END, ArchiveError, ArchiveEvent, ArchiveParser, entry_header, padding_bytes,
};
pub use as_string::AsString;
pub use branch_event::{BranchEvent, ReceivedEvent};
pub use changes::{Changes, ReceivedChanges};
pub use commit::{CommitJson, CommitWithChanges, OriginalCommitJson, PathCommitJson};
pub use commit_filter::commit_filter_query;
pub use compared_modules::{ComparedModulesJson, NamedModulesDiff};
pub use diff::PathDiff;
pub use digest_field::digest_field;
pub use event::{
    EVENT_BYTES_MAX, WATCH_GLOBS_BYTES_MAX, WATCH_GLOBS_MAX, event_texts, wrapped_event_texts,
};
pub use gc::{GcJson, GcPreviewJson, GcResponseJson};
pub use info::{ExportJson, InfoJson, OciJson};
pub use kept_for_refs::KeptForRefsJson;
pub use listed_module::ListedModuleJson;
pub use matched::{ItemStateJson, MatchedItemJson, MatchedItemKind, MatchedJson, filter_query};
pub use metadata::{CratesJson, MetadataJson, RequirementsJson};
pub use module_diff::SizesDiffJson;
pub use modules::{Modules, ReceivedModules};
pub use percent_encoding::{
    decode_query_value, encode_header_value, encode_path, encode_query_value,
};
pub use problem::{MissingName, Problem};
pub use search::{SearchJson, SearchMatchJson};
pub use selections::{BODY_NAMES_MAX, GLOBS_MAX, RelocationJson, RemovalJson};
pub use sizes::{PartJson, PartKind, PartSelection, PartsJson, SizesJson};
pub use tag::TagJson;
pub use undone_change::UndoneChangeJson;
pub use verify::VerifyReport;
pub use version::VersionJson;
pub use world::WorldCheckJson;
