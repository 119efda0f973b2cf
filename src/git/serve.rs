//! Runs the git processes that serve a git client: git-upload-pack(1) and git-receive-pack(1), one process per request.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use super::child::ChildProcess;
use super::child_env::{BUCKET_COPY, bucket_variables};
use super::error::Error;
use super::process_limits::{CpuTime, limit_allocations};
use super::program::Git;

/// The maximum length of a value of `GIT_PROTOCOL` that is passed from a client to git, in bytes.
const PROTOCOL_BYTES_MAX: usize = 128;

/// The git subcommand that serves a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerCommand {
    /// Serves fetches and clones.
    UploadPack,
    /// Receives pushes.
    ReceivePack,
}

impl ServerCommand {
    /// Returns the name of the git subcommand.
    pub fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "upload-pack",
            Self::ReceivePack => "receive-pack",
        }
    }
}

/// A git process that serves a client, and wasmstore's ends of the pipes to it.
#[derive(Debug)]
pub struct ServerProcess {
    /// The git process. Dropping this field kills the process and the processes that it started.
    pub child: ChildProcess,
    /// The pipe to which wasmstore writes the client's request.
    pub stdin: OwnedFd,
    /// The pipe from which wasmstore reads the response for the client.
    pub stdout: OwnedFd,
    /// The pipe with git's messages for the server's operator. The pipe must be read, because git blocks when it is full.
    pub stderr: OwnedFd,
}

/// The options for starting a git process that serves a client.
#[derive(Clone, Debug, Default)]
pub struct ServerProcessOptions {
    /// Whether git prints its refs and capabilities instead of reading a request (the first request of a client, `/info/refs`).
    pub advertises: bool,
    /// Git settings for this process, each `name=value`.
    pub settings: Vec<String>,
    /// Environment variables for the process and the hooks that it runs.
    pub variables: Vec<(&'static str, OsString)>,
}

impl Git {
    /// Starts a git process that serves one request over its standard streams, without state between requests
    /// (gitprotocol-http(5)).
    ///
    /// # Errors
    /// If git cannot be started.
    pub fn serve(
        &self,
        server_command: ServerCommand,
        options: &ServerProcessOptions,
    ) -> Result<ServerProcess, Error> {
        let args = arguments(server_command, options);
        let mut command = self.command(args.iter().map(OsString::as_os_str));
        command.arg(self.git_dir());
        command
            .envs(options.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if server_command == ServerCommand::ReceivePack {
            limit_allocations(&mut command);
            // If the repository is a local copy of a store in a bucket, its hooks write to the bucket and need the credentials.
            if self.git_dir().join(BUCKET_COPY).exists() {
                command.envs(bucket_variables());
            }
        }
        let (child, pipes) =
            ChildProcess::spawn_group(&mut command, CpuTime::Configured).map_err(|source| {
                Error::Spawn {
                    command: server_command.name().to_owned(),
                    source,
                }
            })?;
        Ok(ServerProcess {
            child,
            stdin: pipes.stdin.expect("BUG: stdin is piped").into(),
            stdout: pipes.stdout.expect("BUG: stdout is piped").into(),
            stderr: pipes.stderr.expect("BUG: stderr is piped").into(),
        })
    }
}

fn arguments(server_command: ServerCommand, options: &ServerProcessOptions) -> Vec<OsString> {
    // The operator chose to serve this repository, so git must accept it even if another user owns the files. The value is `*` and not a
    // path, because upload-pack and receive-pack compare `safe.directory` with several spellings of the repository's path.
    let mut arguments = vec!["-c", "safe.directory=*"];
    for setting in &options.settings {
        arguments.extend(["-c", setting]);
    }
    arguments.extend([server_command.name(), "--stateless-rpc"]);
    if options.advertises {
        // Before git 2.34, this was the only name of `--http-backend-info-refs`. Later versions still accept the old name.
        arguments.push("--advertise-refs");
    }
    if server_command == ServerCommand::UploadPack {
        arguments.push("--strict");
    }
    let arguments = arguments.into_iter();
    arguments.map(|word| OsStr::new(word).to_owned()).collect()
}

/// Returns `requested`, a client's value for `GIT_PROTOCOL`, or `None` if it is too long or contains a character that git clients do not
/// send.
pub fn valid_protocol(requested: &str) -> Option<&str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"=:.,-".contains(&byte);
    let is_valid =
        (1..=PROTOCOL_BYTES_MAX).contains(&requested.len()) && requested.bytes().all(is_allowed);
    is_valid.then_some(requested)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_protocols_are_passed_on() {
        for valid in ["version=2", "version=1", "version=2:object-format=sha256"] {
            assert_eq!(valid_protocol(valid), Some(valid));
        }
        let long = "a".repeat(129);
        for invalid in ["", "version=2\n", "version=2;x", "a b", "$(x)", "ä", &long] {
            assert_eq!(valid_protocol(invalid), None, "{invalid:?}");
        }
    }
}
