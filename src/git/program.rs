//! Runs git without the user's configuration and within a time limit. Commands that contact another repository are in `remote_command.rs`.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use super::child::ChildProcess;
use super::child_env::{remove_bucket_variables, remove_server_variables};
use super::error::Error;
use super::process_limits::{CpuTime, configure_for_limits, reached_limit};

/// The maximum number of bytes of git's standard error that are kept for the error message.
pub(super) const STDERR_BYTES_MAX: u64 = 4096;

/// How long git may take to print its version.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// The texts with which git reports a full disk: strerror(3) of ENOSPC and EDQUOT in the C locale, and git's own text after a write(2) that
/// returned 0.
const NO_SPACE_MESSAGES: [&str; 3] = [
    "No space left on device",
    "Disk quota exceeded",
    "Out of diskspace",
];

/// The git program and the repository on which it is run.
#[derive(Debug, Clone)]
pub struct Git {
    git_dir: PathBuf,
    /// The value of `GIT_OBJECT_DIRECTORY`; `None` for the repository's own object directory.
    object_directory: Option<PathBuf>,
}

impl Git {
    /// Checks that git is on the `PATH`, and returns a [`Git`] that runs it on the bare repository at `git_dir`. Returns `None` if git is
    /// not installed.
    pub fn find(git_dir: &Path) -> Option<Self> {
        let git = Self {
            git_dir: std::path::absolute(git_dir).ok()?,
            object_directory: None,
        };
        let status = git
            .command([OsStr::new("--version")].into_iter())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success()).then_some(git)
    }

    /// Returns git's version as (major, minor), for example (2, 29) for `2.29.1`; `None` if it cannot be determined.
    pub fn version(&self) -> Option<(u32, u32)> {
        let args = [OsStr::new("--version")].into_iter();
        let stdout = self.run("version", args, Vec::new(), VERSION_LIMIT).ok()?;
        let text = String::from_utf8_lossy(&stdout);
        let mut numbers = text.strip_prefix("git version ")?.split('.');
        let mut number = || numbers.next()?.trim().parse().ok();
        Some((number()?, number()?))
    }

    /// Returns the absolute path of the bare repository.
    pub(super) fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// Returns a copy of `self` whose commands read and write the object directory `directory` instead of the repository's own.
    pub(super) fn with_object_directory(&self, directory: &Path) -> Self {
        Self {
            git_dir: self.git_dir.clone(),
            object_directory: Some(directory.to_owned()),
        }
    }

    /// Runs git's subcommand `name` with `input` on its standard input, and returns its standard output.
    pub(super) fn run<'a>(
        &self,
        name: &str,
        args: impl Iterator<Item = &'a OsStr>,
        input: Vec<u8>,
        limit: Duration,
    ) -> Result<Vec<u8>, Error> {
        let name = name.to_owned();
        let cannot_run = |source| Error::Spawn {
            command: name.clone(),
            source,
        };
        let mut command = self.command(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (mut child, pipes) =
            ChildProcess::spawn(&mut command, CpuTime::PerCpu(limit)).map_err(cannot_run)?;
        let mut stdin = pipes.stdin.expect("BUG: stdin is piped");
        // A failed write is ignored here: a broken pipe means that git exited early, and git's exit status is checked below.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let stdout = read_in_background(pipes.stdout.expect("BUG: stdout is piped"), u64::MAX);
        let stderr = read_in_background(
            pipes.stderr.expect("BUG: stderr is piped"),
            STDERR_BYTES_MAX,
        );
        let Some(status) = child.wait(limit).map_err(cannot_run)? else {
            return Err(Error::TimedOut {
                command: name,
                limit_s: limit.as_secs(),
            });
        };
        drop(writer.join());
        let (stdout, stderr) = (
            stdout.join().unwrap_or_default(),
            stderr.join().unwrap_or_default(),
        );
        if status.success() {
            return Ok(stdout);
        }
        let stderr = String::from_utf8_lossy(&stderr);
        if NO_SPACE_MESSAGES.iter().any(|text| stderr.contains(text)) {
            return Err(Error::NoSpace { command: name });
        }
        if let Some(limit) = reached_limit(&stderr, Some(status)) {
            return Err(Error::LimitReached {
                command: name,
                limit,
            });
        }
        Err(Error::Failed {
            command: name,
            stderr: stderr.lines().next().unwrap_or_default().to_owned(),
        })
    }

    pub(super) fn command<'a>(&self, args: impl Iterator<Item = &'a OsStr>) -> Command {
        let mut command = Command::new("git");
        command.args(self.safe_directory());
        configure_for_limits(&mut command);
        command.args(args);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_"))
        {
            command.env_remove(name);
        }
        remove_server_variables(&mut command);
        remove_bucket_variables(&mut command);
        command
            .env("GIT_DIR", &self.git_dir)
            .envs(
                self.object_directory
                    .iter()
                    .map(|directory| ("GIT_OBJECT_DIRECTORY", directory)),
            )
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("LC_ALL", "C");
        command
    }

    /// Returns the options that make git accept the repository even if another user owns the files in it (git-config(1), `safe.directory`).
    pub(super) fn safe_directory(&self) -> [OsString; 2] {
        let mut setting = OsString::from("safe.directory=");
        setting.push(&self.git_dir);
        ["-c".into(), setting]
    }
}

/// Starts a thread that reads a pipe to its end and keeps the first `bytes_max` bytes.
pub(super) fn read_in_background(
    mut pipe: impl Read + Send + 'static,
    bytes_max: u64,
) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(pipe.by_ref().take(bytes_max).read_to_end(&mut bytes));
        // The bytes after `bytes_max` are read and discarded, because the child would block on a full pipe.
        drop(io::copy(&mut pipe, &mut io::sink()));
        bytes
    })
}
