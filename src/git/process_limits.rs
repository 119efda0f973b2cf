//! Limits the memory and CPU time of git processes (setrlimit(2)).
//!
//! A git process gets its limits right after its start, before it receives any input. So the processes that git starts to handle the input
//! inherit the limits. Only the soft limits are set, so that a process can lift them: git runs this program as a hook, and the hook lifts
//! the limits, because it maps whole packs into its address space and has limits of its own.

use std::num::NonZero;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::thread::available_parallelism;
use std::time::Duration;

use rustix::process::Signal;
#[cfg(target_os = "linux")]
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

use crate::config::GitProcessLimits;

/// The limits of the git processes that this process starts. They are set only in a server. In other commands, git processes have no
/// limits.
static LIMITS: OnceLock<GitProcessLimits> = OnceLock::new();

/// The maximum number of threads of a git process. Each thread reserves address space for a stack and for an arena of malloc.
const THREADS_MAX: usize = 4;

/// The maximum number of malloc's arenas, as the value of `MALLOC_ARENA_MAX` (mallopt(3)). Each arena reserves 64 MiB of address space.
const ARENAS_MAX: &str = "2";

/// Sets the limits of all git processes that this process starts from now on. Only the first call has an effect.
pub fn limit_processes(limits: GitProcessLimits) {
    let _ = LIMITS.set(limits);
}

/// The maximum CPU time that a git process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CpuTime {
    /// The limit on CPU time in [`GitProcessLimits`].
    Configured,
    /// This duration times the number of CPUs.
    PerCpu(Duration),
}

fn memory_bytes_max() -> Option<u64> {
    LIMITS
        .get()
        .map(|limits| limits.memory_bytes_max)
        .filter(|bytes| *bytes > 0)
}

/// Adds the git settings and the environment variable that reduce the memory that git uses, so that it stays below its memory limit. git's
/// default values assume a process without a limit: for example, git maps packs in windows of 1 GiB.
pub(super) fn configure_for_limits(command: &mut Command) {
    let Some(memory) = memory_bytes_max() else {
        return;
    };
    let threads = available_parallelism()
        .map_or(1, NonZero::get)
        .min(THREADS_MAX);
    let mib = |bytes: u64| (bytes >> 20).max(1);
    for setting in [
        format!("core.packedGitLimit={}m", mib(memory / 4)),
        format!("core.packedGitWindowSize={}m", mib(memory / 32).min(32)),
        format!("core.deltaBaseCacheLimit={}m", mib(memory / 32).min(96)),
        format!("core.bigFileThreshold={}m", mib(memory / 8).min(512)),
        format!("pack.windowMemory={}m", mib(memory / 16)),
        format!("pack.threads={threads}"),
    ] {
        command.args(["-c", &setting]);
    }
    command.env("MALLOC_ARENA_MAX", ARENAS_MAX);
}

/// Limits each single allocation of a git process that receives objects to a quarter of its memory limit. git streams large blobs that are
/// not deltas. So only the result of applying a delta can need a larger allocation, and stock git creates no deltas of blobs over 512 MiB.
/// Without this limit, a malicious chain of three deltas, 200 bytes in total, fills the memory up to the limit of the process.
///
/// git reads `GIT_ALLOC_LIMIT` since version 1.7.10, but documents it only in its source (wrapper.c, `memory_limit_check`).
pub(super) fn limit_allocations(command: &mut Command) {
    if let Some(memory) = memory_bytes_max() {
        command.env("GIT_ALLOC_LIMIT", (memory / 4).to_string());
    }
}

/// Sets the limits of the git process `id`, which was just started. Does nothing on operating systems where a process cannot set the limits
/// of another process.
#[cfg(target_os = "linux")]
pub(super) fn limit(id: u32, cpu_time: CpuTime) {
    let Some(limits) = LIMITS.get() else { return };
    let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) else {
        return;
    };
    let cpu_seconds = match cpu_time {
        CpuTime::Configured => limits.cpu_seconds_max,
        CpuTime::PerCpu(time) => {
            let cpus = available_parallelism().map_or(1, NonZero::get) as u64;
            time.as_secs().saturating_mul(cpus)
        }
    };
    for (resource, limit) in [
        (Resource::As, limits.memory_bytes_max),
        (Resource::Cpu, cpu_seconds),
    ] {
        if limit == 0 {
            continue;
        }
        let maximum = getrlimit(resource).maximum;
        let current = Some(maximum.map_or(limit, |maximum| maximum.min(limit)));
        // prlimit(2) may fail because the process has already ended. Such a process needs no limit, so the error is only logged.
        if let Err(error) = prlimit(Some(pid), resource, Rlimit { current, maximum }) {
            tracing::debug!(%error, ?resource, "cannot limit a git process");
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn limit(_: u32, _: CpuTime) {}

/// Removes the limits that this process inherited from the git process that started it as a hook.
pub fn lift_limits() {
    #[cfg(target_os = "linux")]
    for resource in [Resource::As, Resource::Cpu] {
        let maximum = getrlimit(resource).maximum;
        let lifted = setrlimit(
            resource,
            Rlimit {
                current: maximum,
                maximum,
            },
        );
        if let Err(error) = lifted {
            tracing::debug!(%error, ?resource, "cannot remove a limit of this process");
        }
    }
}

/// Returns the resource, and the flag that limits it, if a git process failed because it reached a limit. `messages` is its standard error.
pub fn reached_limit(messages: &str, status: Option<ExitStatus>) -> Option<&'static str> {
    const MEMORY_MESSAGES: [&str; 5] = [
        "attempting to allocate",
        "Out of memory",
        "out of memory",
        "Cannot allocate memory",
        "unable to create thread",
    ];
    // The text with which git reports that SIGXCPU (signal 24) ended a process that git had started.
    const CPU_MESSAGE: &str = "died of signal 24";
    let signal = status.and_then(|status| status.signal());
    if signal == Some(Signal::XCPU.as_raw()) || messages.contains(CPU_MESSAGE) {
        return Some("CPU time (--git-cpu)");
    }
    let is_memory = MEMORY_MESSAGES.iter().any(|text| messages.contains(text));
    is_memory.then_some("memory (--git-memory-mib)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_reached_limits_are_recognized() {
        let memory = Some("memory (--git-memory-mib)");
        let cpu = Some("CPU time (--git-cpu)");
        for (messages, raw_status, limit) in [
            (
                "fatal: Out of memory, malloc failed (tried to allocate 9 bytes)",
                128 << 8,
                memory,
            ),
            (
                "fatal: mmap failed: Cannot allocate memory",
                128 << 8,
                memory,
            ),
            ("error: index-pack died of signal 24", 1 << 8, cpu),
            ("", 24, cpu),
            ("", 9, None),
            ("fatal: bad object", 128 << 8, None),
        ] {
            let status = ExitStatus::from_raw(raw_status);
            assert_eq!(reached_limit(messages, Some(status)), limit, "{messages}");
        }
    }
}
