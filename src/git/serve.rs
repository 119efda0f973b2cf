//! Serving another git: git-upload-pack(1) and git-receive-pack(1), one request at a time.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use super::child::Child;
use super::program::{Error, Git};

/// The longest value of `GIT_PROTOCOL` that is passed on, in bytes.
const PROTOCOL_BYTES_MAX: usize = 128;

/// The variables that are the program's own: those that configure a server, keys among them, are not for its children.
const OWN_VARIABLES: &str = "WASMSTORE_";

/// The side of the dialogue that git takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It is fetched from.
    UploadPack,
    /// It is pushed to.
    ReceivePack,
}

impl Side {
    /// git's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "upload-pack",
            Self::ReceivePack => "receive-pack",
        }
    }
}

/// A git that speaks with another one, and the ends of its pipes.
#[derive(Debug)]
pub struct Dialogue {
    /// The process. Dropping it kills it, and what it started.
    pub child: Child,
    /// Where the other one's request goes.
    pub stdin: OwnedFd,
    /// What it answers.
    pub stdout: OwnedFd,
    /// What it says to those who look after it. It has to be read: it waits when the pipe is full.
    pub stderr: OwnedFd,
}

/// How a git that serves is started.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Whether it is to tell its refs and abilities, and reads no request.
    pub advertises: bool,
    /// Configuration for this run, each `name=value`.
    pub settings: Vec<String>,
    /// Variables for it and its hooks.
    pub variables: Vec<(&'static str, OsString)>,
}

impl Git {
    /// Starts a git that serves one request of another one, over its standard streams. No request's state outlives it
    /// (gitprotocol-http(5)).
    ///
    /// # Errors
    /// git cannot be started.
    pub fn serve(&self, side: Side, start: &Start) -> Result<Dialogue, Error> {
        let mut command = self.command(arguments(side, start).iter().map(OsString::as_os_str));
        command.arg(self.git_dir());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with(OWN_VARIABLES) {
                command.env_remove(name);
            }
        }
        command
            .envs(start.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (child, pipes) = Child::spawn_group(&mut command).map_err(|source| Error::Spawn {
            command: side.name().to_owned(),
            source,
        })?;
        Ok(Dialogue {
            child,
            stdin: pipes.stdin.expect("BUG: stdin is piped").into(),
            stdout: pipes.stdout.expect("BUG: stdout is piped").into(),
            stderr: pipes.stderr.expect("BUG: stderr is piped").into(),
        })
    }
}

fn arguments(side: Side, start: &Start) -> Vec<OsString> {
    // Whoever serves a repository of another user means to; git compares the path in too many ways to name it.
    let settings = ["safe.directory=*"].into_iter();
    let settings = settings.chain(start.settings.iter().map(String::as_str));
    let mut arguments: Vec<_> = settings.flat_map(|setting| ["-c", setting]).collect();
    arguments.extend([side.name(), "--stateless-rpc"]);
    if start.advertises {
        // The name by which versions before 2.34 know `--http-backend-info-refs`.
        arguments.push("--advertise-refs");
    }
    if side == Side::UploadPack {
        arguments.push("--strict");
    }
    let arguments = arguments.into_iter();
    arguments.map(|word| OsStr::new(word).to_owned()).collect()
}

/// The value for `GIT_PROTOCOL` that a client asks for: `None` unless it is of the form that git's own are of.
pub fn protocol(asked: &str) -> Option<&str> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"=:.,-".contains(&byte);
    let fits = (1..=PROTOCOL_BYTES_MAX).contains(&asked.len()) && asked.bytes().all(legal);
    fits.then_some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_git_says_is_passed_on() {
        for sane in ["version=2", "version=1", "version=2:object-format=sha256"] {
            assert_eq!(protocol(sane), Some(sane));
        }
        let long = "a".repeat(129);
        for other in ["", "version=2\n", "version=2;x", "a b", "$(x)", "ä", &long] {
            assert_eq!(protocol(other), None, "{other:?}");
        }
    }
}
