//! Tests that run the program, and compare its results with stock git.

mod bad_input;
mod bad_root;
mod branches;
mod completions;
mod config;
mod deploy;
mod diff;
mod everyday;
mod facts;
mod files;
mod global;
mod graph;
mod help;
mod hints;
mod history;
mod listening;
mod log_reader;
mod maintenance;
mod modules;
mod noexec;
mod non_utf8;
mod overview;
mod parallel;
mod path_log;
mod relocation;
mod search;
mod server;
#[cfg(target_os = "linux")]
mod service;
mod shared;
mod show;
mod stopping;
mod tags;
mod terminal;
mod watch;
mod world;
