//! A content-addressed, versioned and validated store for WebAssembly modules that *is* a bare git repository.
//!
//! A store is a bare git repository: a module is a blob, a path is a tree entry, a branch is a ref, every change is one commit.
//! Anyone can `git clone`, `git log` and `git fsck` it with stock git, at any time. This crate adds what git has not: it takes
//! only bytes that are a valid core module or component, it answers by path, hash and digest, and it loses nothing that it
//! acknowledged.
//!
//! ```no_run
//! use wasmstore::config::Options;
//! use wasmstore::store::{Revision, Change, ObjectFormat, Store};
//!
//! let store = Store::open_or_create("/tmp/modules".as_ref(), Options::default(), ObjectFormat::Sha1)?;
//! let hash = store.put(&Change::default(), &"tools/add.wasm".parse()?, &b"\0asm\x01\0\0\0"[..])?;
//! let module = store.find(&Revision::default(), &"tools/add.wasm".parse()?)?;
//! assert_eq!((module.hash, module.bytes.len()), (hash.value, 8));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rooms
//!
//! A lower layer never imports a higher one; `tests/layers.rs` reads the sources and holds them to this table.
//!
//! | # | room | knows | the only user of |
//! |---|---|---|---|
//! | 0 | [`names`], [`config`] | paths, branches, hashes: parsed once, valid ever after; limits | |
//! | 0 | [`git`] | the stock git program: found, run hermetically, or with the user's credentials to speak to others; limited, killed | processes, `rustix` |
//! | 1 | [`wasm`] | bytes in, what is in the module or a reason out | `wasmparser`, `sha2` |
//! | 1 | [`repo`] | the bare repository: objects, trees, commits, refs, locks, durability, gc | `gix`, `gix-pack`, `notify`, `tar`, `fail`, flock, fsync |
//! | 1 | [`index`] | a derived database of commits, changes and modules; knows nothing of git | `rusqlite` |
//! | 2 | [`store`] | what a module store does; the one thing that the surfaces call | `flate2` |
//! | 3 | [`wire`] | the JSON shapes that the surfaces share | `utoipa`'s schemas |
//! | 3 | [`remote`] | others: pushes taken in, git served, mirrors, replicas, stores made from them; the client of a store that is served elsewhere | `gix_packetline`, `tungstenite`, `ureq` |
//! | 4 | [`http`] | the API, watch, git's smart protocol, keys, TLS, metrics | `axum`, `tokio`, `tower-http`, `rustls` |
//! | 5 | [`cli`] | the command line: arguments, printing, exit codes; `serve.rs` puts the server together | `clap`, stdout |
//!
//! [`wasm`], [`repo`] and [`index`] do not know each other. Everything below [`http`] is synchronous; nothing below
//! [`cli`] prints. Only [`cli`] takes
//! anything from the environment; [`git`] looks at it to keep it from git.
//!
//! # How a module gets in
//!
//! bytes -> a spool of [`repo`], while [`wasm`] validates the same stream -> a blob, deflated -> a change, judged on the branch's
//! tip and on the changes before it -> trees and a commit -> one pack for all changes that came meanwhile, flushed -> each ref,
//! flushed, moved once by compare-and-swap, its folder flushed -> the version index is told -> the answers.
//!
//! A push comes another way: git keeps it in quarantine while [`store`] judges its refs and validates its modules; then git moves
//! the objects into the store, and the refs are moved as by any change, all that they lead to looked at and flushed once more.
//!
//! # How a question about history is answered
//!
//! a tip -> does [`index`] know it? else every commit that it does not know is compared with its parents, parents first, and added
//! -> one look-up. So the index may be missing, behind or deleted at any time; what it says is what the history says.
//!
//! # Invariants
//!
//! 1. What is acknowledged survives `kill -9` and a power cut: nothing refers to what is not flushed.
//! 2. Stock git reads the store at every moment, and `git fsck --strict` finds nothing wrong.
//! 3. Every change is one commit. History only moves forward: restore and rollback write new commits; only `gc`, deleting a branch,
//!    and a push by a key that may DELETE drop history.
//! 4. A refused change changes nothing. An upload that is cut short or invalid leaves no trace.
//! 5. A path is module or folder, never both, in every operation.
//! 6. What is in `ROOT/wasmstore` is derived or momentary: it can be deleted while no process uses the store.
//! 7. An id never changes its meaning; only refs are read anew.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod cli;
pub mod config;
pub mod git;
pub mod http;
pub mod index;
pub mod names;
pub mod remote;
pub mod repo;
pub mod store;
pub mod wasm;
pub mod wire;
