//! The version index: facts about commits that git can only tell by walking its history.
//!
//! Layer 1. It knows nothing of git: it is told, parents first, which commits there are and what each changed, and answers which
//! versions a path has, what changed it last, where a module was, what was in a commit. A commit never changes, so nothing here is
//! ever wrong or taken back; new branches, pushes, resets and gc need no special case. All of it is derived, and made anew
//! when it is missing, damaged, or of another schema.
//!
//! # On disk
//!
//! ```text
//! ROOT/wasmstore/index            the name of the current file
//! ROOT/wasmstore/index-N.sqlite   a SQLite database (WAL), with its -wal and -shm; N is when it was made, in milliseconds
//! ```
//!
//! A number is never used again: another process may have the old file open, and goes on with it until it looks at the name.
//! That is the first schema. A later one V has `index-vV` and `index-vV-N.sqlite`: programs of two versions leave each other's alone.
//! Where `ROOT/wasmstore` cannot be written, a copy in the folder for temporary files takes its place, for as long as the process
//! lives.
//!
//! # Tables
//!
//! ```text
//! commits(lineage, gen, id, level, mdate, tree)
//! edges(lineage, gen, nth, to_lineage, to_gen)
//! paths(id, path)
//! modules(id, hash, sha256)
//! changes(path, lineage, gen, module, own)
//! ```
//!
//! A *lineage* is a piece of a first-parent chain, and *gen* a commit's place in it. A commit extends the lineage of its first parent
//! if that is the newest of it, else it opens one. What does not follow from that is an *edge* from a child to a parent: `nth` 0 from
//! the first commit of a lineage to its first parent, and one for each further parent of a merge.
//!
//! *level* is the number of commits on the longest way to a root, *mdate* the latest author time among a commit and its ancestors.
//!
//! A *change* is a path whose entry differs from the first parent's: a module, a folder (every one on the way, the root as the
//! empty path included), or what else a foreign repository has. *module* is what the path has after it, null if none. *own* says
//! that the module differs from that of every parent, which makes the commit a version or a removal.
//!
//! *sha256* is null until somebody knew or computed it, and empty if the module could not be read.
//!
//! # Questions
//!
//! A commit reaches, of each lineage, everything up to some gen. Its *trunk* is what it reaches over first parents: its own
//! lineage, the one that forked from, and so on. Whether it reaches a change of any other lineage is searched upwards, from the
//! change over edges to the trunk: see `reach.rs`.

mod append;
mod database;
mod digests;
mod error;
mod files;
mod query;
mod reach;
mod schema;
mod summary;

pub use append::{NewChange, NewCommit};
pub use database::{Index, Origin, Reader};
pub use error::{Error, Result};
pub use query::{IndexedCommit, OwnChange};
pub use summary::CommitSummary;
