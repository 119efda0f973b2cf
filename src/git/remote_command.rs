//! A git command that contacts another repository. The command may take long or hang, so the caller polls it. It is ended when the
//! wasmstore process ends for any reason.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::child::ChildProcess;
use super::error::Error;
use super::process_limits::{CpuTime, configure_for_limits};
use super::program::{Git, STDERR_BYTES_MAX, read_in_background};
use super::secret_config::SecretConfig;
use super::user_env;

/// A script for sh(1) that runs git and, in the background, waits for the end of standard input, which comes when this process ends, even
/// by SIGKILL. The background shell then sends SIGTERM to git and its helpers, so that they remove their lock files, and SIGKILL if they do
/// not end. git itself has no option for this. git starts after the first line of standard input, which this process writes when it has set
/// the limits of the new process.
const RUN_UNTIL_OWNER_ENDS: &str = "\
read -r _ || exit
exec 3<&0
(trap '' TERM; read -r _; kill -TERM 0; kill -0 $$ || exit; sleep 3; kill -KILL 0) <&3 3<&- >/dev/null 2>&1 &
exec git \"$@\" </dev/null 3<&-";

/// How long git may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// How much of git's standard output is kept, in bytes.
const STDOUT_BYTES_MAX: u64 = 64 << 20;

/// A running git command that contacts another repository. Dropping it ends it and the processes that it started.
#[derive(Debug)]
pub struct RemoteCommand {
    command: &'static str,
    // The standard input of the script, which ends git when this pipe is closed. Declared before the child because fields are
    // dropped in this order: closing the pipe ends git in an orderly way, dropping the child kills it.
    lifeline: Option<ChildStdin>,
    child: ChildProcess,
    deadline: Instant,
    limit: Duration,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// The result of a git command.
#[derive(Debug)]
pub(super) struct CommandOutput {
    pub is_success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Git {
    /// Starts git's subcommand `name` on the repository at `git_dir`, or on no repository if `git_dir` is `None`, with the user's
    /// configuration and credentials. The arguments must not contain secrets.
    pub(super) fn start(
        &self,
        git_dir: Option<&Path>,
        name: &'static str,
        args: &[&OsStr],
        secrets: &SecretConfig,
        limit: Duration,
    ) -> Result<RemoteCommand, Error> {
        let mut command = Command::new("sh");
        command.args(["-c", RUN_UNTIL_OWNER_ENDS, "sh"]);
        command.args(self.safe_directory());
        configure_for_limits(&mut command);
        command.args(user_env::config_options()).args(args);
        user_env::apply(&mut command, git_dir);
        secrets.apply(&mut command);
        command
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let failed = |source| Error::Spawn {
            command: name.to_owned(),
            source,
        };
        let spawned = ChildProcess::spawn_group(&mut command, CpuTime::AllOf(limit));
        let (child, mut pipes) = spawned.map_err(failed)?;
        if let Some(stdin) = &mut pipes.stdin {
            stdin.write_all(b"\n").map_err(failed)?;
        }
        let stdout = pipes.stdout.expect("BUG: stdout is piped");
        let stderr = pipes.stderr.expect("BUG: stderr is piped");
        Ok(RemoteCommand {
            command: name,
            lifeline: pipes.stdin,
            child,
            deadline: Instant::now() + limit,
            limit,
            stdout: Some(read_in_background(stdout, STDOUT_BYTES_MAX)),
            stderr: Some(read_in_background(stderr, STDERR_BYTES_MAX)),
        })
    }
}

impl RemoteCommand {
    /// Waits at most `limit` for the command to end; returns `None` while it runs.
    ///
    /// # Errors
    /// If the command exceeded its time limit, in which case it was ended; if the operating system cannot report its status.
    pub(super) fn wait(&mut self, limit: Duration) -> Result<Option<CommandOutput>, Error> {
        let failed = |source| Error::Spawn {
            command: self.command.to_owned(),
            source,
        };
        let Some(status) = self.child.wait(limit).map_err(failed)? else {
            if Instant::now() < self.deadline {
                return Ok(None);
            }
            self.end();
            return Err(Error::TimedOut {
                command: self.command.to_owned(),
                limit_s: self.limit.as_secs(),
            });
        };
        // Processes that git left behind keep the pipes open. Closing the lifeline ends them.
        self.lifeline = None;
        let deadline = Instant::now() + GRACE;
        Ok(Some(CommandOutput {
            is_success: status.success(),
            stdout: join_reader(self.stdout.take(), deadline),
            stderr: join_reader(self.stderr.take(), deadline),
        }))
    }

    /// Waits for the command to end, calling `tick` several times per second.
    pub(super) fn finish(mut self, tick: &mut dyn FnMut()) -> Result<CommandOutput, Error> {
        loop {
            if let Some(output) = self.wait(Duration::from_millis(100))? {
                return Ok(output);
            }
            tick();
        }
    }

    /// Closes the lifeline and waits briefly for git to end. If it does not, dropping the child kills it.
    fn end(&mut self) {
        self.lifeline = None;
        let ended: io::Result<_> = self.child.wait(GRACE);
        drop(ended);
    }
}

impl Drop for RemoteCommand {
    fn drop(&mut self) {
        if self.lifeline.is_some() {
            self.end();
        }
    }
}

/// Returns the text that a background reader has read. Returns an empty text if the pipe is still open at `deadline`: a process that left
/// git's process group, such as the master of ssh's connection sharing, may keep it open.
fn join_reader(reader: Option<JoinHandle<Vec<u8>>>, deadline: Instant) -> String {
    let Some(reader) = reader else {
        return String::new();
    };
    while !reader.is_finished() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    if !reader.is_finished() {
        return String::new();
    }
    let bytes = reader.join().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
