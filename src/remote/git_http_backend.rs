//! Serves fetches and pushes with git's smart HTTP protocol (gitprotocol-http(5)), like git-http-backend(1), but without the HTTP part.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use crate::config::Options;
use crate::git::{self, Git, ServerCommand, ServerProcess, ServerProcessOptions};
use crate::names::Author;

/// A service of git's smart HTTP protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitService {
    /// The service for clones and fetches.
    UploadPack,
    /// The service for pushes.
    ReceivePack,
}

impl GitService {
    /// Parses a service's name; `None` if there is no such service.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::UploadPack, Self::ReceivePack];
        all.into_iter().find(|service| service.name() == name)
    }

    /// Returns the name of the service in URLs, such as `git-upload-pack`.
    pub fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    /// Returns the media type of the response that advertises the refs for this service.
    pub fn advertisement_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-advertisement",
            Self::ReceivePack => "application/x-git-receive-pack-advertisement",
        }
    }

    /// Returns the media type of a request to the service.
    pub fn request_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-request",
            Self::ReceivePack => "application/x-git-receive-pack-request",
        }
    }

    /// Returns the media type of the service's response.
    pub fn result_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-result",
            Self::ReceivePack => "application/x-git-receive-pack-result",
        }
    }

    fn server_command(self) -> ServerCommand {
        match self {
            Self::UploadPack => ServerCommand::UploadPack,
            Self::ReceivePack => ServerCommand::ReceivePack,
        }
    }
}

/// A request to one of git's services.
#[derive(Clone, Debug)]
pub struct GitRequest {
    /// The requested service.
    pub service: GitService,
    /// The value of the request header `Git-Protocol`.
    pub protocol: Option<String>,
    /// The identity and permissions of the client. Only a push uses them.
    pub pusher: PushIdentity,
}

/// The identity and permissions of a client that pushes. They are passed to the hooks in environment variables.
#[derive(Clone, Debug)]
pub struct PushIdentity {
    /// The HTTP methods that the client may use, joined by commas; `*` stands for all.
    pub methods: String,
    /// The author, committer and tagger that all pushed commits and tags must have. `None` if the client's API key does not prescribe one.
    pub author: Option<Author>,
}

/// The maximum total length of the patterns that hide broken refs from git, in bytes. The patterns are command-line arguments, and the
/// operating system limits the total length of these; the lowest common limit is 1 MiB (macOS).
const HIDDEN_BYTES_MAX: usize = 256 << 10;

/// Serves fetches from a store and pushes to it by running git.
#[derive(Clone, Debug)]
pub struct GitHttpBackend {
    git: Git,
    program: PathBuf,
    options: Options,
}

impl GitHttpBackend {
    /// Returns a backend for the store at `root`; `None` if there is no git program on the `PATH`. `program` is the path of the wasmstore
    /// program, which the hooks run; `options` contain the limits of a push.
    pub fn find(root: &Path, program: PathBuf, options: Options) -> Option<Self> {
        let git = Git::find(root)?;
        Some(Self {
            git,
            program,
            options,
        })
    }

    /// Starts a git process that prints the store's refs and git's capabilities. The HTTP response is [`advertisement_preamble`] followed
    /// by git's output. `hidden` are values of `transfer.hideRefs` (git-config(1)).
    ///
    /// # Errors
    /// `TooManyBrokenRefs`; git cannot be started.
    pub fn advertise(&self, request: &GitRequest, hidden: &[String]) -> Result<ServerProcess> {
        let options = ServerProcessOptions {
            advertises: true,
            ..self.process_options(request, hidden, None)?
        };
        Ok(self.git.serve(request.service.server_command(), &options)?)
    }

    /// Starts a git process that reads the body of a request and prints the response. A push may have at most `bytes_max` bytes. `hidden`
    /// are values of `transfer.hideRefs`.
    ///
    /// # Errors
    /// `TooManyBrokenRefs`; git cannot be started.
    pub fn respond(
        &self,
        request: &GitRequest,
        hidden: &[String],
        bytes_max: u64,
    ) -> Result<ServerProcess> {
        let options = self.process_options(request, hidden, Some(bytes_max))?;
        Ok(self.git.serve(request.service.server_command(), &options)?)
    }

    fn process_options(
        &self,
        request: &GitRequest,
        hidden: &[String],
        bytes_max: Option<u64>,
    ) -> Result<ServerProcessOptions> {
        if hidden.iter().map(String::len).sum::<usize>() > HIDDEN_BYTES_MAX {
            return Err(Error::TooManyBrokenRefs(hidden.len()));
        }
        let mut options = ServerProcessOptions::default();
        let patterns = hidden.iter();
        let patterns = patterns.map(|pattern| format!("transfer.hideRefs={pattern}"));
        options.settings.extend(patterns);
        if !hidden.is_empty() {
            // git-receive-pack checks in a quarantine directory whether a push has all objects. The store is an alternate of the
            // quarantine, and git lists the refs of an alternate without hiding broken ones. With this setting, git runs true(1) instead,
            // which lists no refs.
            let settings = &mut options.settings;
            settings.push("core.alternateRefsCommand=true".to_owned());
        }
        let protocol = request.protocol.as_deref().and_then(git::valid_protocol);
        match request.service {
            GitService::UploadPack => {
                options
                    .settings
                    .push("uploadpack.allowFilter=true".to_owned());
                let protocol = protocol.map(|value| ("GIT_PROTOCOL", OsString::from(value)));
                options.variables.extend(protocol);
            }
            // git's protocol for pushes has no version 2, so `GIT_PROTOCOL` is not set.
            GitService::ReceivePack => {
                let limit = bytes_max.map(|bytes| format!("receive.maxInputSize={bytes}"));
                options.settings.extend(limit);
                options.variables.extend(self.variables(&request.pusher));
            }
        }
        Ok(options)
    }

    /// Returns the environment variables that pass the limits and the identity of the client to the hooks.
    fn variables(&self, pusher: &PushIdentity) -> Vec<(&'static str, OsString)> {
        let (modules, push) = (self.options.modules, self.options.push);
        let mut variables = vec![
            ("WASMSTORE_PROGRAM", self.program.clone().into()),
            ("WASMSTORE_PUSH_METHODS", pusher.methods.clone().into()),
            (
                "WASMSTORE_PUSH_MAX_MODULE_BYTES",
                modules.module_bytes_max.to_string().into(),
            ),
            (
                "WASMSTORE_PUSH_MAX_SECTION_BYTES",
                modules.section_bytes_max.to_string().into(),
            ),
            (
                "WASMSTORE_PUSH_MAX_VALIDATION_FUEL",
                modules.validation_fuel_max.to_string().into(),
            ),
            (
                "WASMSTORE_PUSH_MAX_PATHS",
                push.paths_max.to_string().into(),
            ),
            (
                "WASMSTORE_PUSH_MAX_PATH_BYTES",
                push.path_bytes_max.to_string().into(),
            ),
            (
                "WASMSTORE_PUSH_MAX_TREE_PATH_BYTES",
                push.tree_path_bytes_max.to_string().into(),
            ),
        ];
        if self.options.names.portable {
            variables.push(("WASMSTORE_PUSH_PORTABLE_NAMES", "true".into()));
        }
        if let Some(author) = &pusher.author {
            variables.push(("WASMSTORE_PUSH_AUTHOR", author.to_string().into()));
        }
        variables
    }
}

/// Returns the bytes that precede git's output in the response that advertises the refs: a packet with the name of the service, or nothing
/// for a fetch with version 2 of the protocol.
pub fn advertisement_preamble(request: &GitRequest) -> &'static [u8] {
    match request.service {
        GitService::UploadPack if is_version_2(request.protocol.as_deref()) => b"",
        GitService::UploadPack => b"001e# service=git-upload-pack\n0000",
        GitService::ReceivePack => b"001f# service=git-receive-pack\n0000",
    }
}

fn is_version_2(protocol: Option<&str>) -> bool {
    let keys = protocol.and_then(git::valid_protocol).unwrap_or_default();
    keys.split(':').any(|key| key == "version=2")
}

/// Returns whether a git process failed because of an invalid request of the client. `messages` is the standard error of the process, which
/// must have run in the C locale.
pub fn is_client_error(messages: &str) -> bool {
    const PREFIXES: [&str; 9] = [
        "protocol error",
        "the remote end hung up unexpectedly",
        "invalid command",
        "unexpected line",
        "unknown capability",
        "expected ",
        "no command requested",
        "mismatched object format",
        "unknown object format",
    ];
    let fatal = messages
        .lines()
        .filter_map(|line| line.strip_prefix("fatal: "));
    fatal.into_iter().any(|line| {
        let line = line.strip_prefix("git upload-pack: ").unwrap_or(line);
        PREFIXES.iter().any(|prefix| line.starts_with(prefix))
    })
}

#[cfg(test)]
mod tests;
