//! The command line: arguments, output and exit codes.
//!
//! Layer 5, the top layer. Only this subsystem reads the home directory, the terminal and the local time. It uses only `store` and the
//! subsystems in the layers above `store`, and never the repository or the index directly.
//!
//! - `dispatch` is the entry point: it parses the command line, runs the command and returns the exit code.
//! - `args` defines the arguments that several commands share, `command_line` the whole command line, `examples` the examples of each
//!   command. `usage_error` describes what is wrong with arguments.
//! - `commands` has one file for each command: its arguments, its work and its output.
//! - `completion` finds the completions of the word that the user is typing in a shell.
//! - `config` resolves the settings of a server from flags, variables and the configuration file.
//! - `serve` is the composition root of the server; `server_check` implements `server --check`.
//! - `exit` maps every error to an exit code; `hints` finds the hint that is printed below an error.
//!
//! A failed command prints one line on standard error. For some errors, a second line is a hint that says what to do next.
//!
//! # Exit codes
//! - 0: success
//! - 1: not found, unreadable input, differences (`diff --exit-code`), or any other failure
//! - 2: invalid command line, key or server configuration
//! - 3: invalid module, or malformed path, hash, branch, commit or query
//! - 4: conflict, failed precondition, or nothing to roll back
//! - 5: the store cannot be opened, read, written or reached, or `verify` found faults

mod add_target;
mod args;
mod bucket;
mod change_effect;
mod change_line;
mod change_report;
mod color;
mod command_line;
mod commands;
mod completion;
mod config;
mod content_name;
mod diff_side;
mod dispatch;
mod dry_run;
mod environment;
mod examples;
mod exit;
mod expected_module;
mod exposed_file;
mod first_changes;
mod followed_log;
mod hints;
mod home;
mod if_match;
mod local_time;
mod log_graph;
mod log_queue;
mod logging;
mod logins;
mod memory_limit;
mod merge_conflict;
mod misplaced_arguments;
mod misplaced_names;
mod needs_directory;
mod open_served;
mod output;
mod output_file;
mod pager;
mod path_history;
mod pinned_input;
mod previewed_changes;
mod progress;
mod push_hooks;
mod put_files;
mod refused_change;
mod reload;
mod relocation_args;
mod relocation_report;
mod root_setting;
mod runtimes;
mod sd_notify;
mod secret;
mod serve;
mod server_access;
mod server_check;
mod server_key;
mod server_settings;
mod settings;
mod shell_word;
mod show_each;
mod similar_names;
mod socket_activation;
mod stop_signals;
mod store_location;
mod stream_copy;
mod text_file;
mod undone_merge;
mod url_hints;
mod url_or_login;
mod usage_error;
mod usage_hints;
mod watch_command;
mod watch_cursor;
mod write_access;

#[cfg(fuzzing)]
pub use config::parse_configuration;
pub use dispatch::run;
