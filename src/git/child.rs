//! A running git: it does not outlive its owner, and neither does what it started.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// How often a child is asked whether it ended, at last.
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// A child. Dropping it kills it, and what it started.
#[derive(Debug)]
pub struct Child {
    child: std::process::Child,
    leads_group: bool,
    has_ended: bool,
}

/// Those of a child's standard streams that are pipes.
#[derive(Debug)]
pub(super) struct Pipes {
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
}

impl Child {
    /// Starts a git that starts no others. What is pressed at the terminal reaches it too.
    pub(super) fn spawn(command: &mut Command) -> io::Result<(Self, Pipes)> {
        Self::start(command, false)
    }

    /// Starts a git that starts helpers, such as git-pack-objects(1), which would work on for nobody: it leads a process group,
    /// and that is killed.
    pub(super) fn spawn_group(command: &mut Command) -> io::Result<(Self, Pipes)> {
        Self::start(command.process_group(0), true)
    }

    fn start(command: &mut Command, leads_group: bool) -> io::Result<(Self, Pipes)> {
        let mut child = command.spawn()?;
        let pipes = Pipes {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
        };
        let child = Self {
            child,
            leads_group,
            has_ended: false,
        };
        Ok((child, pipes))
    }

    /// Says how it ended; `None` while it runs.
    ///
    /// # Errors
    /// The operating system cannot tell.
    pub fn status(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        self.has_ended |= status.is_some();
        Ok(status)
    }

    /// Ends it, and what it started, unless it ends by itself within `patience`. It is asked to at first, so that it takes its lock
    /// files with it, and after `grace` made to.
    ///
    /// Of a signal git-receive-pack(1) dies without removing the quarantine of a push, which may be large. It does remove that
    /// when it ends by itself; for one whose standard input ends early that is at once.
    pub fn end(mut self, patience: Duration, grace: Duration) {
        let Some(group) = self.group().filter(|_| !self.has_ended) else {
            return;
        };
        if !ends_within(group, patience) {
            let _ = kill_process_group(group, Signal::TERM);
            ends_within(group, grace);
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
        self.has_ended = true;
    }

    /// The process group that it leads.
    fn group(&self) -> Option<Pid> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        id.filter(|_| self.leads_group)
    }

    /// Waits for the end; `None` when `limit` passed first.
    ///
    /// # Errors
    /// The operating system cannot tell.
    pub fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = self.status()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

/// Waits for the end of a process that leads a group, and says whether it came in time. It is not reaped yet, and so the group's
/// number stays its own.
fn ends_within(group: Pid, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while let Ok(None) = waitid(WaitId::Pid(group), look) {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

impl Drop for Child {
    fn drop(&mut self) {
        // Once it was waited for, its number may be another's.
        if self.has_ended || matches!(self.status(), Ok(Some(_)) | Err(_)) {
            return;
        }
        if let Some(group) = self.group() {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
