//! A git command that contacts another repository. The command may take long or hang, so the caller polls it. When the wasmstore process
//! ends for any reason, the command ends too.

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

/// A script for sh(1) that runs git, and that ends git when this process ends, even if this process is killed with SIGKILL. git itself has
/// no option for this.
///
/// git starts after the first line of standard input. This process writes that line when it has set the resource limits of the new process.
/// In the background, a second shell waits for the end of standard input, which is reached when this process ends. Then the second shell
/// sends SIGTERM to git and its helper processes, so that they remove their lock files, and SIGKILL if they do not end.
const RUN_UNTIL_OWNER_ENDS: &str = "\
read -r _ || exit
exec 3<&0
(trap '' TERM; read -r _; kill -TERM 0; kill -0 $$ || exit; sleep 3; kill -KILL 0) <&3 3<&- >/dev/null 2>&1 &
exec git \"$@\" </dev/null 3<&-";

/// How long this process waits for git to end after it has closed the pipe to the script [`RUN_UNTIL_OWNER_ENDS`], which then ends git.
const GRACE: Duration = Duration::from_secs(2);

/// The maximum number of bytes of git's standard output that are kept.
const STDOUT_BYTES_MAX: u64 = 64 << 20;

/// A running git command that contacts another repository. Dropping this value ends the command and the processes that it started.
#[derive(Debug)]
pub struct RemoteCommand {
    command: &'static str,
    // The pipe to the standard input of the script. When the pipe is closed, the script ends git. The field is declared before `child`
    // because fields are dropped in the order of their declaration: closing the pipe lets git remove its lock files, dropping `child` kills
    // git.
    lifeline: Option<ChildStdin>,
    child: ChildProcess,
    deadline: Instant,
    limit: Duration,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// The output of a git command that has ended, and whether it succeeded.
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
        let spawned = ChildProcess::spawn_group(&mut command, CpuTime::PerCpu(limit));
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
    /// Waits at most `limit` for the command to end; returns `None` if it still runs then.
    ///
    /// # Errors
    /// If the command exceeded its time limit (it is then ended); if the operating system cannot report its exit status.
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
        // Processes that git started and that still run keep the output pipes open. Closing the lifeline ends them.
        self.lifeline = None;
        let deadline = Instant::now() + GRACE;
        Ok(Some(CommandOutput {
            is_success: status.success(),
            stdout: join_reader(self.stdout.take(), deadline),
            stderr: join_reader(self.stderr.take(), deadline),
        }))
    }

    /// Waits for the command to end. Calls `tick` several times per second while it waits.
    pub(super) fn finish(mut self, tick: &mut dyn FnMut()) -> Result<CommandOutput, Error> {
        loop {
            if let Some(output) = self.wait(Duration::from_millis(100))? {
                return Ok(output);
            }
            tick();
        }
    }

    /// Closes the lifeline and waits up to [`GRACE`] for git to end. If git does not end, dropping `child` kills it.
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

/// Returns the text that the thread `reader` has read from git's output. Returns an empty text if the pipe is still open at `deadline`: a
/// process outside of git's process group may keep the pipe open, for example the ssh process that shares its connection (ssh_config(5),
/// `ControlMaster`).
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
