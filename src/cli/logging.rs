//! The log on standard error.

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::OnceLock;
use std::thread;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::args::GlobalArgs;
use super::commands::Command;
use super::exit::{Error, Result};
use super::log_queue::LogQueue;
use super::output::printable_lines;
use super::progress::without_bars;
use crate::bucket::CLIENT_LOG_TARGET;

/// The queue for log lines. Set only if this process is a server.
static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// Starts the log. A server logs every request by default, any other command only warnings.
///
/// # Errors
/// The operating system cannot start the thread that writes the log of a server.
pub(super) fn start(globals: &GlobalArgs, command: Option<&Command>) -> Result<()> {
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
        .log_internal_errors(false);
    let Some(server) = server else {
        let log = log.with_writer(LogSink::new).without_time().finish();
        log.with(filter(level)).init();
        return Ok(());
    };
    let queue = LogQueue::start(LogSink::new()).map_err(Error::Runtime)?;
    let queue = QUEUE.get_or_init(|| queue).clone();
    let log = log.with_writer(queue);
    if server.log_json {
        let log = log.json().flatten_event(true).with_span_list(false);
        log.finish().with(filter(level)).init();
    } else {
        log.finish().with(filter(level)).init();
    }
    // The default panic hook writes to standard error without the queue, so it would block if standard error is not read.
    panic::set_hook(Box::new(|panic| {
        tracing::error!(panic = ?panic.to_string(), "a thread panicked");
        // A panic of the main thread ends the process, so the lines in the queue are written first.
        if thread::current().name() == Some("main") {
            flush();
        }
    }));
    Ok(())
}

/// Returns the filter of the log. The library that reads and writes buckets logs each request that it repeats at INFO. A line with less
/// detail replaces these, except at DEBUG: see `src/bucket/logged_requests.rs`.
fn filter(level: Level) -> Targets {
    let targets = Targets::new().with_default(level);
    match level {
        Level::DEBUG | Level::TRACE => targets,
        _ => targets.with_target(CLIENT_LOG_TARGET, Level::WARN.min(level)),
    }
}

/// A writer to standard error. If that is a terminal, control characters in the log are escaped, as in other output.
struct LogSink {
    is_terminal: bool,
}

impl LogSink {
    fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
        }
    }
}

impl Write for LogSink {
    /// Writes one or more whole lines.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        if self.is_terminal {
            let text = String::from_utf8_lossy(lines);
            without_bars(|| io::stderr().write_all(printable_lines(&text).as_bytes()))?;
        } else {
            io::stderr().write_all(lines)?;
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Waits for a limited time until all log lines so far are written.
pub(super) fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush();
    }
}

/// Returns how many lines of this server's log were dropped because nothing read standard error.
pub(super) fn dropped_lines() -> u64 {
    QUEUE.get().map_or(0, LogQueue::dropped)
}
