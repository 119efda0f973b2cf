//! What is told on standard error, and in which form.

use std::io;

use super::args::GlobalArgs;
use super::commands::Command;

/// Starts the log: of a server every request, of a command only what it warns of, unless more was asked for.
pub(super) fn start(globals: &GlobalArgs, command: Option<&Command>) {
    let server = match command {
        Some(Command::Server(server)) => Some(server),
        _ => None,
    };
    let usual = match server {
        Some(_) => tracing::Level::INFO,
        None => tracing::Level::WARN,
    };
    let level = match (globals.quiet, globals.verbose) {
        (true, _) => tracing::Level::ERROR,
        (false, 0) => usual,
        (false, 1) => tracing::Level::INFO.max(usual),
        (false, _) => tracing::Level::DEBUG,
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .log_internal_errors(false);
    match server {
        Some(server) if server.log_json => {
            log.json().flatten_event(true).with_span_list(false).init()
        }
        Some(_) => log.init(),
        None => log.without_time().init(),
    }
}
