//! A content-addressed, versioned and validated store for WebAssembly modules that *is* a bare git repository.
//!
//! In a store, a module is a blob, a path is a tree entry, a branch is a ref, and every change is one commit. Stock git can clone, log
//! and fsck it at any time. This crate adds what git does not have: it accepts only valid core modules and components, it finds modules
//! by path, hash and digest, and it never loses an acknowledged change.
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
//! # Subsystems
//!
//! Each subsystem belongs to a layer. A lower layer never imports a higher one. Each crate in the last column is used only by the subsystem
//! in its row. `tests/layers.rs` checks both rules, and lists the exceptions.
//!
//! | # | subsystem | responsibility | only user of |
//! |---|---|---|---|
//! | 0 | [`names`], [`config`] | Paths, branches, hashes and digests, parsed once and valid from then on; all limits and their defaults | `gix-glob`, `caseless` |
//! | 0 | [`budget`] | A limit, in bytes, on all memory that holds data for clients | |
//! | 0 | [`sharing`] | The permissions of files in a repository that several users write to | |
//! | 0 | [`git`] | Runs the stock git program, with limits on time, memory and output | processes, `rustix` |
//! | 1 | [`wasm`] | Takes bytes; returns facts or the reason for rejection | `wasmparser`, `wit-component`, `wit-parser`, `sha2`, demanglers |
//! | 1 | [`repo`] | The bare repository: objects, trees, commits, refs, locks, durability, gc | `gix`, `gix-pack`, `notify`, `tar`, `fail`, flock, fsync |
//! | 1 | [`bucket`] | The refs and packs of a store that several machines share, in an object store; uses only the trait `Authority` of [`repo`] and its types | `object_store`, `reqwest` |
//! | 1 | [`index`] | A derived database of commits, changes and modules, independent of git | `rusqlite` |
//! | 2 | [`store`] | The operations of a module store. The only entry point for the layers above | `flate2` |
//! | 3 | [`wire`] | The JSON types and archives that the HTTP API, the remote client and the command line share | the schemas of `utoipa` |
//! | 3 | [`oci`] | The OCI registry: repositories, tags, manifests and referrers; independent of HTTP | |
//! | 3 | [`remote`] | Pushes, git's smart HTTP service, mirrors, replicas, clones; the client of a remote store | `gix_packetline`, `tungstenite`, `ureq` |
//! | 4 | [`web`] | The web UI: the markup of its pages, the style sheet, the script, charts; independent of HTTP | `maud` |
//! | 4 | [`http`] | The HTTP server: API, the requests for pages of [`web`], watch, git, authentication, TLS, metrics | `axum`, `tokio`, `tower-http`, `rustls` |
//! | 5 | [`cli`] | The command line: arguments, printing, exit codes. `serve.rs` assembles the server | `clap`, stdout |
//!
//! [`wasm`], [`repo`] and [`index`] do not depend on each other. [`bucket`] implements the trait `repo::Authority`. The
//! interfaces of the subsystems below [`http`] are synchronous, except that a task can wait for [`budget`]. [`bucket`] uses asynchronous
//! code inside. Only [`cli`] prints. Only [`cli`] and [`git`] read environment variables. `main` passes the arguments to [`cli`].
//!
//! # Subdirectories
//!
//! | subsystem | subdirectories |
//! |---|---|
//! | [`repo`] | `objects`, `packs`, `refs`, `follow`, `tree`, `history`, `publish`, `push`, `lifecycle`, `gc`, `verify`; each uses only the ones that precede it in this list |
//! | [`store`] | one file per verb; `gc` also selects the versions to drop; `index` keeps the version index current, `maintenance` runs gc and verify on a schedule, `watch` follows a branch, `replica` marks a store as a replica |
//! | [`remote`] | `client` implements [`StoreOperations`](remote::StoreOperations) for a server; the files `mirror_*` push to mirrors, and `replica` and `primary*` follow the primary |
//! | [`http`] | `routes` (one file per resource), `module` and `upload` (bodies), `middleware`, `listener` (connections and TLS), `git` (smart HTTP), `watch`, `metrics`, `openapi` |
//! | [`web`] | one file per screen; `layout` has the parts that all pages share, `links` the URLs, and `assets` the files that pages load |
//! | [`cli`] | `commands` (one file per command), `config` (the configuration file of the server) |
//!
//! `docs/architecture.md` follows an upload, a read, a push and a gc through these files.
//!
//! # Invariants
//!
//! 1. An acknowledged change survives `kill -9` and a power cut: no ref points to anything that was not fsynced.
//! 2. Stock git can read the store at every moment, and `git fsck --strict` reports no error.
//! 3. Every change is one commit. History only moves forward: restore and rollback write new commits. Only `gc`, deleting a branch, and a
//!    push by a key that allows DELETE drop history.
//! 4. A rejected change changes nothing. An incomplete or invalid upload leaves nothing behind.
//! 5. A path is a module or a directory, never both, in every operation.
//! 6. Everything in `ROOT/wasmstore` is derived or temporary. It can be deleted while no process uses the store.
//! 7. An object id never changes its meaning, so a cached object is never stale. Refs and the list of packs can change, so they are read
//!    again.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod bucket;
pub mod budget;
pub mod cli;
pub mod config;
pub mod git;
pub mod http;
pub mod index;
pub mod names;
pub mod oci;
pub mod remote;
pub mod repo;
pub mod sharing;
pub mod store;
pub mod wasm;
pub mod web;
pub mod wire;
