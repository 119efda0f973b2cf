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
mod check;
mod color;
mod commands;
mod config;
mod copy;
mod date;
mod dispatch;
mod exit;
mod graph;
mod hint;
mod limits;
mod logging;
mod output;
mod output_file;
mod pager;
mod place;
mod progress;
mod reload;
mod replica;
mod schedule;
mod secret;
mod serve;
mod server_settings;
mod service;
mod settings;
mod threads;
mod writable;

pub use dispatch::run;
