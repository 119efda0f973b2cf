//! Errors when wasmstore runs git.

use std::io;

/// A git command that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command could not be started, or its pipes or exit status could not be read.
    #[error("cannot run git {command}")]
    Spawn {
        /// The git subcommand, such as `fetch`.
        command: String,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The command exited with a failure.
    #[error("git {command} failed: {stderr}")]
    Failed {
        /// The git subcommand, such as `fetch`.
        command: String,
        /// The first line of git's standard error, or the lines that state the cause.
        stderr: String,
    },
    /// The command ran out of disk space or quota.
    #[error("git {command} failed: no storage space")]
    NoSpace {
        /// The git subcommand, such as `fetch`.
        command: String,
    },
    /// The git process reached its limit on memory or CPU time.
    #[error("git {command} failed: it reached its limit of {limit}")]
    LimitReached {
        /// The git subcommand, such as `fetch`.
        command: String,
        /// The resource, followed by the flag that sets its limit, for example `CPU time (--git-cpu)`.
        limit: &'static str,
    },
    /// The command exceeded its time limit and was killed.
    #[error("git {command} did not end within {limit_s} s")]
    TimedOut {
        /// The git subcommand, such as `fetch`.
        command: String,
        /// The time limit in seconds.
        limit_s: u64,
    },
}
