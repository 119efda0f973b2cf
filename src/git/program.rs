//! Running git: found once, without the user's configuration, within a time limit. What speaks to others is in `remote_command.rs`.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::child::Child;

/// How much of git's standard error is kept for the message, in bytes.
pub(super) const STDERR_BYTES_MAX: u64 = 4096;

/// How long git may take to tell its version.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// What git says then: strerror(3) of ENOSPC and EDQUOT in the C locale, and words of its own for a write of nothing.
const NO_SPACE: [&str; 3] = [
    "No space left on device",
    "Disk quota exceeded",
    "Out of diskspace",
];

/// A run of git that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program could not be started or spoken to.
    #[error("cannot run git {command}")]
    Spawn {
        /// The subcommand.
        command: String,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// It ended with a failure.
    #[error("git {command} failed: {stderr}")]
    Failed {
        /// The subcommand.
        command: String,
        /// The first line that it printed on standard error.
        stderr: String,
    },
    /// It found no room on the disk.
    #[error("git {command} failed: no storage space")]
    NoSpace {
        /// The subcommand.
        command: String,
    },
    /// It ran for too long and was killed.
    #[error("git {command} did not end within {limit_s} s")]
    TimedOut {
        /// The subcommand.
        command: String,
        /// The limit in seconds.
        limit_s: u64,
    },
}

/// The git program, for one repository.
#[derive(Debug, Clone)]
pub struct Git {
    git_dir: PathBuf,
    /// Where objects are looked for and written; `None` for those of the repository.
    objects: Option<PathBuf>,
}

impl Git {
    /// Finds git on the `PATH`, to be run on the bare repository at `git_dir`; `None` when there is none.
    pub fn find(git_dir: &Path) -> Option<Self> {
        let git_dir = std::path::absolute(git_dir).ok()?;
        let git = Self {
            git_dir,
            objects: None,
        };
        let found = git
            .command([OsStr::new("--version")].into_iter())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        found.is_ok_and(|status| status.success()).then_some(git)
    }

    /// Its version, as far as that tells what it can do: 2.29.
    pub fn version(&self) -> Option<(u32, u32)> {
        let args = [OsStr::new("--version")].into_iter();
        let output = self.run("version", args, Vec::new(), VERSION_LIMIT).ok()?;
        let output = String::from_utf8_lossy(&output);
        let mut numbers = output.strip_prefix("git version ")?.split('.');
        let mut number = || numbers.next()?.trim().parse().ok();
        Some((number()?, number()?))
    }

    /// The repository that it is run on.
    pub(super) fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The same with another folder of objects.
    pub(super) fn writing_to(&self, objects: &Path) -> Self {
        Self {
            git_dir: self.git_dir.clone(),
            objects: Some(objects.to_owned()),
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
        let spawn = |source| Error::Spawn {
            command: name.clone(),
            source,
        };
        let mut command = self.command(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (mut child, pipes) = Child::spawn(&mut command).map_err(spawn)?;
        let mut stdin = pipes.stdin.expect("BUG: stdin is piped");
        // A broken pipe here means that git gave up early; its exit status tells.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let stdout = read_in_background(pipes.stdout.expect("BUG: stdout is piped"), u64::MAX);
        let stderr = read_in_background(
            pipes.stderr.expect("BUG: stderr is piped"),
            STDERR_BYTES_MAX,
        );
        let status = child.wait(limit).map_err(spawn)?;
        let Some(status) = status else {
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
        if NO_SPACE.iter().any(|words| stderr.contains(words)) {
            return Err(Error::NoSpace { command: name });
        }
        Err(Error::Failed {
            command: name,
            stderr: stderr.lines().next().unwrap_or_default().to_owned(),
        })
    }

    pub(super) fn command<'a>(&self, args: impl Iterator<Item = &'a OsStr>) -> Command {
        let mut command = Command::new("git");
        command.args(self.trust()).args(args);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_"))
        {
            command.env_remove(name);
        }
        without_manager(&mut command);
        command
            .env("GIT_DIR", &self.git_dir)
            .envs(
                self.objects
                    .iter()
                    .map(|objects| ("GIT_OBJECT_DIRECTORY", objects)),
            )
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("LC_ALL", "C");
        command
    }

    /// The options with which git takes the repository for the user's own, whoever owns its files.
    pub(super) fn trust(&self) -> [OsString; 2] {
        let mut safe = OsString::from("safe.directory=");
        safe.push(&self.git_dir);
        ["-c".into(), safe]
    }
}

/// Takes away what a service manager told the server, and meant for nobody else (sd_notify(3)).
pub(super) fn without_manager(command: &mut Command) {
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        command.env_remove(name);
    }
}

pub(super) fn read_in_background(
    mut from: impl Read + Send + 'static,
    max: u64,
) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(from.by_ref().take(max).read_to_end(&mut bytes));
        // The rest is read and dropped: a full pipe would block the child.
        drop(io::copy(&mut from, &mut io::sink()));
        bytes
    })
}
