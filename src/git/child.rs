//! A running git process. Neither it nor the processes that it starts outlive its owner.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::process_limits::{self, CpuTime};

/// The longest interval between two checks of whether a process has ended.
const POLL_INTERVAL_MAX: Duration = Duration::from_millis(50);

/// A child process. Dropping it kills it and the processes that it started.
#[derive(Debug)]
pub struct ChildProcess {
    child: Child,
    leads_group: bool,
    has_ended: bool,
}

/// The standard streams of a child process that are pipes.
#[derive(Debug)]
pub(super) struct ChildPipes {
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
}

impl ChildProcess {
    /// Starts a git command that starts no other processes. It stays in the terminal's process group, so Ctrl-C reaches it too.
    pub(super) fn spawn(
        command: &mut Command,
        cpu_time: CpuTime,
    ) -> io::Result<(Self, ChildPipes)> {
        Self::start(command, false, cpu_time)
    }

    /// Starts a git command that starts helpers such as git-pack-objects(1), which would survive it. It leads a process group of
    /// its own, so that the group can be killed.
    pub(super) fn spawn_group(
        command: &mut Command,
        cpu_time: CpuTime,
    ) -> io::Result<(Self, ChildPipes)> {
        Self::start(command.process_group(0), true, cpu_time)
    }

    fn start(
        command: &mut Command,
        leads_group: bool,
        cpu_time: CpuTime,
    ) -> io::Result<(Self, ChildPipes)> {
        let mut child = command.spawn()?;
        process_limits::limit(child.id(), cpu_time);
        let pipes = ChildPipes {
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

    /// Returns the exit status; `None` while the process runs.
    ///
    /// # Errors
    /// If the operating system cannot report it.
    pub fn status(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        self.has_ended |= status.is_some();
        Ok(status)
    }

    /// Ends the process and the processes that it started, unless it ends by itself within `patience`. It receives SIGTERM first,
    /// so that it removes its lock files, and SIGKILL after `grace`.
    ///
    /// `patience` matters for git-receive-pack(1): a signal makes it exit without removing the quarantine of a push, which may be
    /// large. It does remove the quarantine when it exits by itself, which it does at once when its standard input ends early.
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

    /// Returns the process group that the process leads, if any.
    fn group(&self) -> Option<Pid> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        id.filter(|_| self.leads_group)
    }

    /// Waits for the process to end; returns `None` if it still runs after `limit`.
    ///
    /// # Errors
    /// If the operating system cannot report the exit status.
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
            pause = (pause * 2).min(POLL_INTERVAL_MAX);
        }
    }
}

/// Waits for the end of a process that leads a group, and returns whether it ended in time. The process is not reaped, so its id
/// and the group's id cannot be reused before the group is killed.
fn ends_within(group: Pid, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while let Ok(None) = waitid(WaitId::Pid(group), options) {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        // Once the process is reaped, its id may belong to another process.
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
