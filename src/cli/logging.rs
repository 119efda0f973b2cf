//! The log on standard error.

use std::io;

use tracing::Level;

use super::args::GlobalArgs;
use super::commands::Command;

/// Starts the log. A server logs every request by default, any other command only warnings.
pub(super) fn start(globals: &GlobalArgs, command: Option<&Command>) {
    let server = match command {
        Some(Command::Server(server)) => Some(server),
        _ => None,
    };
    let default = if server.is_some() {
        Level::INFO
    } else {
        Level::WARN
    };
    let level = match globals.verbose {
        _ if globals.quiet => Level::ERROR,
        0 => default,
        1 => Level::INFO,
        _ => Level::DEBUG,
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
