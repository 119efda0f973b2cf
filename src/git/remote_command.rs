//! A git that speaks to another repository: it may take long, or hang, so whoever runs it looks in from time to time. It ends with
//! its owner, however that ends.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::child::Child;
use super::program::{Error, Git, STDERR_BYTES_MAX, read_in_background};
use super::user_env;

/// Starts git and, beside it, who waits for the end of standard input: that comes when this process ends, by whatever signal. git
/// and its helpers are then asked to end, so that they take their lock files with them, and made to if they do not. What runs
/// that is sh(1), as git has no such option.
const ENDS_WITH_US: &str = "\
exec 3<&0
(trap '' TERM; read -r _; kill -TERM 0; kill -0 $$ || exit; sleep 3; kill -KILL 0) <&3 3<&- >/dev/null 2>&1 &
exec git \"$@\" </dev/null 3<&-";

/// How long git may take to end after it was told to.
const GRACE: Duration = Duration::from_secs(2);

/// How much of git's standard output is kept, in bytes.
const STDOUT_BYTES_MAX: u64 = 64 << 20;

/// A git that runs. Dropping it ends it, and what it started.
#[derive(Debug)]
pub struct Exchange {
    command: &'static str,
    // Before the child: that it is closed is what ends git in order.
    lifeline: Option<ChildStdin>,
    child: Child,
    deadline: Instant,
    limit: Duration,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// What git said.
#[derive(Debug)]
pub(super) struct Said {
    pub is_success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Git {
    /// Starts git's subcommand `name` on the repository, with the user's configuration and credentials.
    pub(super) fn start(
        &self,
        name: &'static str,
        args: &[&OsStr],
        limit: Duration,
    ) -> Result<Exchange, Error> {
        self.start_on(Some(self.git_dir()), name, args, limit)
    }

    /// The same where there is no repository yet.
    pub(super) fn start_on(
        &self,
        git_dir: Option<&Path>,
        name: &'static str,
        args: &[&OsStr],
        limit: Duration,
    ) -> Result<Exchange, Error> {
        self.start_with(git_dir, name, args, None, limit)
    }

    /// The same with one more variable, which may be a secret.
    pub(super) fn start_with(
        &self,
        git_dir: Option<&Path>,
        name: &'static str,
        args: &[&OsStr],
        variable: Option<(&str, &OsStr)>,
        limit: Duration,
    ) -> Result<Exchange, Error> {
        let mut command = Command::new("sh");
        command.args(["-c", ENDS_WITH_US, "sh"]);
        command
            .args(self.trust())
            .args(user_env::settings())
            .args(args);
        user_env::prepare(&mut command, git_dir);
        command
            .envs(variable)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let spawned = Child::spawn_group(&mut command);
        let (child, pipes) = spawned.map_err(|source| Error::Spawn {
            command: name.to_owned(),
            source,
        })?;
        let stdout = pipes.stdout.expect("BUG: stdout is piped");
        let stderr = pipes.stderr.expect("BUG: stderr is piped");
        Ok(Exchange {
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

impl Exchange {
    /// Waits for the end, but no longer than `pause`; `None` while it runs.
    ///
    /// # Errors
    /// The time for the whole is up: git was ended. Or the operating system cannot tell.
    pub(super) fn wait(&mut self, pause: Duration) -> Result<Option<Said>, Error> {
        let failed = |source| Error::Spawn {
            command: self.command.to_owned(),
            source,
        };
        let status = self.child.wait(pause).map_err(failed)?;
        let Some(status) = status else {
            if Instant::now() < self.deadline {
                return Ok(None);
            }
            self.end();
            return Err(Error::TimedOut {
                command: self.command.to_owned(),
                limit_s: self.limit.as_secs(),
            });
        };
        // What git left behind holds the pipes open, and is ended with it.
        self.lifeline = None;
        let patience = Instant::now() + GRACE;
        Ok(Some(Said {
            is_success: status.success(),
            stdout: text(self.stdout.take(), patience),
            stderr: text(self.stderr.take(), patience),
        }))
    }

    /// Waits for the end; `tick` is called meanwhile, a few times a second.
    pub(super) fn finish(mut self, tick: &mut dyn FnMut()) -> Result<Said, Error> {
        loop {
            if let Some(said) = self.wait(Duration::from_millis(100))? {
                return Ok(said);
            }
            tick();
        }
    }

    /// Tells git to end, and waits for that a little; what does not end is killed when this is dropped.
    fn end(&mut self) {
        self.lifeline = None;
        let ended: io::Result<_> = self.child.wait(GRACE);
        drop(ended);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.lifeline.is_some() {
            self.end();
        }
    }
}

/// What was read until the end; nothing if somebody who left git's process group keeps the pipe open, as ssh's connection
/// sharing may.
fn text(reader: Option<JoinHandle<Vec<u8>>>, patience: Instant) -> String {
    let Some(reader) = reader else {
        return String::new();
    };
    while !reader.is_finished() && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(1));
    }
    let bytes = match reader.is_finished() {
        true => reader.join().unwrap_or_default(),
        false => Vec::new(),
    };
    String::from_utf8_lossy(&bytes).into_owned()
}
