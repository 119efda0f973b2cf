//! The version index: facts about commits that git can only find by walking its history.
//!
//! Layer 1, independent of git. The store adds commits with their changes, parents first. The index then answers which versions a
//! path has, which commit changed it last, which paths had a module, and which modules a commit contains. A commit never changes, so
//! no row ever becomes wrong: new branches, pushes, resets and gc need no special case. The index is derived data and is rebuilt when
//! it is missing, damaged, or has another schema.
//!
//! # On disk
//!
//! ```text
//! ROOT/wasmstore/index            the name of the current file
//! ROOT/wasmstore/index-N.sqlite   a SQLite database (WAL), with its -wal and -shm; N is its creation time, in milliseconds
//! ```
//!
//! A number is never reused, because another process may still have the old file open. That process uses the old file until it reads the
//! name again. These are the names of schema version 1. A later version V, such as the present version 2, uses `index-vV` and
//! `index-vV-N.sqlite`, so that programs of two versions do not use each other's files. The first index of version 2 begins as a copy of
//! the index of version 1. A process that cannot write to `ROOT/wasmstore` uses a private copy in the directory for temporary files, and
//! tries `ROOT/wasmstore` again after a minute.
//!
//! # Tables
//!
//! ```text
//! commits(lineage, gen, id, level, mdate, tree)
//! edges(lineage, gen, nth, to_lineage, to_gen)
//! paths(id, path)
//! changes(path, lineage, gen, module, own)
//! modules(id, hash, sha256, size_bytes, has_facts)
//! facts(module, facts)
//! names(id, kind, name)
//! types(id, type)
//! items(name, module, version, type)
//! words(rowid, text)
//! verdicts(hash, version)
//! manifests(digest, config, hash, file_name)
//! ```
//!
//! A *lineage* is a segment of first-parent history, and *gen* is a commit's number in it. A commit extends the lineage of its
//! first parent if that parent is its newest commit; otherwise it starts a new lineage. An *edge* from a child to a parent records
//! a parent that the numbers do not imply: `nth` 0 leads from the first commit of a lineage to its first parent, and higher numbers
//! lead from a merge to its further parents.
//!
//! *level* is the length of the longest path to a root, and *mdate* the latest author time of a commit and its ancestors.
//!
//! A *change* is a path whose tree entry differs from the first parent's: a module, a directory (every directory that contains a
//! changed entry, up to the root, whose path is empty), or another kind of entry, which only other programs write. *module* is the
//! module at the path in the commit's tree, or null. *own* is true if the module differs from the module at the path in every
//! parent: the commit then adds a version of the path, or removes the module.
//!
//! *sha256* is null until the digest is known, and empty if the module could not be read.
//!
//! *facts* are the facts about a module, in an encoding that only the caller knows. *items* are the parts and properties of modules that a
//! search finds by name: imports, exports, crates and so on. *version* and *type* are empty if an item has none. *words* is a full-text
//! index of the descriptions of modules; a row has the id of its module. *has_facts* is true if the facts are in the index, or if the
//! module could not be read.
//!
//! A *verdict* records that the module with this *hash* was found valid by this *version* of wasmstore.
//!
//! *manifests* has the digests of the manifest, and of its configuration, that the OCI registry makes for a module with a file name. A row
//! is added when its manifest is first needed.
//!
//! Rows are only added to *modules* and *names*, and they never change their id. So a process can hold the hashes and the names that its
//! searches have read in memory, and reads only newer rows later.
//!
//! # Reachability
//!
//! If a commit reaches a commit of a lineage, it reaches all earlier commits of that lineage. The *trunk* of a commit consists of the
//! commits that it reaches over first parents: its own lineage, the lineage from which that lineage forked, and so on. To find out whether
//! the commit reaches a change in another lineage, `reach.rs` follows the edges from parent to child, from the change up to the trunk.

mod append;
mod database;
mod digests;
mod error;
mod facts;
mod files;
mod first_parent;
mod item_names;
mod lifecycle;
mod manifests;
mod migrate;
mod module_kinds;
mod module_paths;
mod module_rows;
mod module_set;
mod path_history;
mod path_versions;
mod query;
mod reach;
mod schema;
mod search;
mod summary;
mod trunk;
mod verdicts;

pub use append::{ChangeEntry, CommitEntry};
pub use database::{DatabaseId, Reader};
pub use error::{Error, Result};
pub use facts::{FactsEntry, ItemEntry, ItemKind};
pub use item_names::NameRange;
pub use lifecycle::Index;
pub use manifests::ManifestEntry;
pub use module_kinds::SizeAndKind;
pub use module_rows::ModuleRows;
pub use module_set::ModuleSet;
pub use path_history::{NewestChanges, PathChangeEntry};
pub use query::{IndexedCommit, OwnChange};
pub use search::NameFilter;
pub use summary::CommitSummary;
