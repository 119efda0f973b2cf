//! The command line: arguments in, text out, and an exit code.
//!
//! The top layer, and the only room that knows the environment, the home folder, the terminal and the local time. It calls
//! `store`, `names` and `config`, and nothing below them. One file of `commands` is one command: what it takes and what it
//! prints stand next to each other. Every failure ends as one line on standard error, with a second one that says what
//! to do next where that is known, and one exit code.
//!
//! # Exit codes
//! 0 done; 1 not found, unreadable input, or any failure not listed; 2 the command line, or the configuration of a server, cannot be
//! parsed; 3 invalid module, or malformed path, hash, branch or commit; 4 conflict, or nothing to roll back; 5 the store cannot be
//! opened, read, written or reached.

mod args;
mod color;
mod commands;
mod config;
mod dispatch;
mod exit;
mod hints;
mod limit_args;
mod local_time;
mod log_graph;
mod logging;
mod output;
mod output_file;
mod pager;
mod progress;
mod reload;
mod replica_args;
mod runtimes;
mod schedule_args;
mod sd_notify;
mod secret;
mod serve;
mod server_check;
mod server_settings;
mod settings;
mod store_location;
mod stream_copy;
mod write_access;

pub use dispatch::run;
