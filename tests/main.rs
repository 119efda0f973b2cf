//! All integration tests in one program: it is linked once.
//!
//! One file a surface; `support` has the store in a temporary folder and stock git as the referee.

mod backup;
mod broken_refs;
mod bucket;
mod cli;
mod damaged_objects;
mod derived_files;
mod directory;
mod docs;
mod gc;
mod gc_graph;
mod gc_retention;
mod git;
mod history;
mod http;
mod index;
mod layers;
mod merge;
mod mirror;
mod model;
mod names;
mod new_names;
mod oci;
mod odd_history;
mod open;
mod path_log;
mod push;
mod relocation;
mod replica;
mod search;
mod search_plans;
mod served;
mod store;
mod support;
mod upgrade;
mod verify;
mod wasm;
mod watch;
mod web;
