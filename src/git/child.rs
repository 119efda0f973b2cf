//! Starts git processes, waits for them, and kills them when their [`ChildProcess`] is dropped.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::process_limits::{self, CpuTime};

/// The longest pause between two checks whether a process has ended.
const POLL_INTERVAL_MAX: Duration = Duration::from_millis(50);

/// A child process. Dropping this value kills the process. If the process leads a process group, the processes that it started are killed
/// too.
#[derive(Debug)]
pub struct ChildProcess {
    child: Child,
    leads_group: bool,
    has_ended: bool,
}

/// This process's ends of the pipes to the standard streams of a child process. A stream that is not a pipe is `None`.
#[derive(Debug)]
pub(super) struct ChildPipes {
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
}

impl ChildProcess {
    /// Starts a git command that starts no other processes. The command stays in the process group of this process, so Ctrl-C in the
    /// terminal reaches it too.
    pub(super) fn spawn(
        command: &mut Command,
        cpu_time: CpuTime,
    ) -> io::Result<(Self, ChildPipes)> {
        Self::start(command, false, cpu_time)
    }

    /// Starts a git command that starts helper processes such as git-pack-objects(1). The helpers would continue to run if only the command
    /// were killed. Therefore the command leads a process group of its own, and the whole group is killed.
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

    /// Returns the exit status of the process; `None` while the process runs.
    ///
    /// # Errors
    /// If the operating system cannot report the status.
    pub fn status(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        self.has_ended |= status.is_some();
        Ok(status)
    }

    /// Ends the process group that the process leads. First waits up to `patience` for the process to exit by itself. Then sends SIGTERM,
    /// so that git removes its lock files, waits up to `grace`, and sends SIGKILL.
    ///
    /// `patience` is for git-receive-pack(1). After a signal, git-receive-pack exits without removing the quarantine directory of the push,
    /// which may be large. When its standard input ends early, it exits by itself at once and removes the directory.
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

    /// Returns the id of the process group that the process leads, or `None` if it does not lead one.
    fn group(&self) -> Option<Pid> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        id.filter(|_| self.leads_group)
    }

    /// Waits for the process to end, and returns its exit status; returns `None` if the process still runs after `limit`.
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

/// Waits up to `limit` for the leader of the process group `group` to end, and returns whether it ended. Does not reap the leader: as long
/// as it is a zombie, the operating system reuses neither its process id nor the group's id, so a later kill cannot reach another group.
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
        // After the process has been reaped, the operating system may give its id to another process, so nothing may be killed.
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
