//! The store served to git: its smart protocol over HTTP, as gitprotocol-http(5) has it, without the HTTP.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::Result;
use crate::config::Options;
use crate::git::{self, Dialogue, Git, Side, Start};
use crate::names::Author;

/// What git asks of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitService {
    /// A clone or a fetch.
    UploadPack,
    /// A push.
    ReceivePack,
}

impl GitService {
    /// The service of this name; `None` when there is none.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::UploadPack, Self::ReceivePack].into_iter();
        all.into_iter().find(|service| service.name() == name)
    }

    /// Its name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    /// The media type of its refs and abilities.
    pub fn advertisement_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-advertisement",
            Self::ReceivePack => "application/x-git-receive-pack-advertisement",
        }
    }

    /// The media type of what it is asked.
    pub fn request_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-request",
            Self::ReceivePack => "application/x-git-receive-pack-request",
        }
    }

    /// The media type of what it answers.
    pub fn result_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-result",
            Self::ReceivePack => "application/x-git-receive-pack-result",
        }
    }

    fn side(self) -> Side {
        match self {
            Self::UploadPack => Side::UploadPack,
            Self::ReceivePack => Side::ReceivePack,
        }
    }
}

/// One request for a service.
#[derive(Clone, Debug)]
pub struct GitRequest {
    /// What is asked for.
    pub service: GitService,
    /// The value of the header `Git-Protocol`.
    pub protocol: Option<String>,
    /// Who pushes.
    pub pusher: PushIdentity,
}

/// Who pushes, as the hooks are told.
#[derive(Clone, Debug)]
pub struct PushIdentity {
    /// The methods of the API that they may use, joined by commas; `*` is all.
    pub methods: String,
    /// Who the changes are by, where that is fixed.
    pub author: Option<Author>,
}

/// A store that git can fetch from and push to.
#[derive(Clone, Debug)]
pub struct GitHttpBackend {
    git: Git,
    program: PathBuf,
    options: Options,
}

impl GitHttpBackend {
    /// Serves the store at `root` by the git program on the `PATH`; `None` when there is none. `program` is this one, for the
    /// hooks to run, and `options` limit what is pushed.
    pub fn find(root: &Path, program: PathBuf, options: Options) -> Option<Self> {
        let git = Git::find(root)?;
        Some(Self {
            git,
            program,
            options,
        })
    }

    /// Starts a git that tells its refs and abilities. What it says goes after [`advertisement_preamble`].
    ///
    /// # Errors
    /// git cannot be started.
    pub fn advertise(&self, asked: &GitRequest) -> Result<Dialogue> {
        let start = Start {
            advertises: true,
            ..self.start(asked, None)
        };
        Ok(self.git.serve(asked.service.side(), &start)?)
    }

    /// Starts a git that answers one request of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// git cannot be started.
    pub fn respond(&self, asked: &GitRequest, bytes_max: u64) -> Result<Dialogue> {
        let start = self.start(asked, Some(bytes_max));
        Ok(self.git.serve(asked.service.side(), &start)?)
    }

    fn start(&self, asked: &GitRequest, bytes_max: Option<u64>) -> Start {
        let mut start = Start::default();
        let protocol = asked.protocol.as_deref().and_then(git::protocol);
        match asked.service {
            GitService::UploadPack => {
                start
                    .settings
                    .push("uploadpack.allowFilter=true".to_owned());
                let protocol = protocol.map(|value| ("GIT_PROTOCOL", OsString::from(value)));
                start.variables.extend(protocol);
            }
            // There is no version 2 of pushing.
            GitService::ReceivePack => {
                let limit = bytes_max.map(|bytes| format!("receive.maxInputSize={bytes}"));
                start.settings.extend(limit);
                start.variables.extend(self.variables(&asked.pusher));
            }
        }
        start
    }

    /// What the hooks are told.
    fn variables(&self, pusher: &PushIdentity) -> Vec<(&'static str, OsString)> {
        let author = pusher.author.as_ref();
        let author = author.map(|author| ("WASMSTORE_PUSH_AUTHOR", author.to_string().into()));
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
                "WASMSTORE_PUSH_MAX_PATHS",
                push.paths_max.to_string().into(),
            ),
        ];
        variables.extend(author);
        variables
    }
}

/// What comes before git's own words when it tells its refs: nothing in version 2 of the protocol.
pub fn advertisement_preamble(asked: &GitRequest) -> &'static [u8] {
    match asked.service {
        GitService::UploadPack if is_version_2(asked.protocol.as_deref()) => b"",
        GitService::UploadPack => b"001e# service=git-upload-pack\n0000",
        GitService::ReceivePack => b"001f# service=git-receive-pack\n0000",
    }
}

fn is_version_2(protocol: Option<&str>) -> bool {
    let keys = protocol.and_then(git::protocol).unwrap_or_default();
    keys.split(':').any(|key| key == "version=2")
}

/// Whether git blames the request for its failure, by its own words in the C locale.
pub fn is_client_error(said: &str) -> bool {
    const BLAMES: [&str; 9] = [
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
    let fatal = said.lines().filter_map(|line| line.strip_prefix("fatal: "));
    fatal.into_iter().any(|line| {
        let line = line.strip_prefix("git upload-pack: ").unwrap_or(line);
        BLAMES.iter().any(|words| line.starts_with(words))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(service: GitService, protocol: Option<&str>) -> GitRequest {
        GitRequest {
            service,
            protocol: protocol.map(str::to_owned),
            pusher: PushIdentity {
                methods: "GET,POST".to_owned(),
                author: Some("Ann <ann@example.org>".parse().unwrap()),
            },
        }
    }

    fn server() -> GitHttpBackend {
        let root = tempfile::tempdir().unwrap();
        GitHttpBackend::find(root.path(), "/bin/wasmstore".into(), Options::default()).unwrap()
    }

    #[test]
    fn services_have_names_and_no_others() {
        for service in [GitService::UploadPack, GitService::ReceivePack] {
            assert_eq!(GitService::parse(service.name()), Some(service));
        }
        for other in ["", "upload-pack", "git-upload-archive", "git-upload-pack "] {
            assert_eq!(GitService::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn the_preamble_is_left_out_in_version_2_of_fetching() {
        let length = |service, protocol| advertisement_preamble(&asked(service, protocol)).len();
        let fetch = GitService::UploadPack;
        assert_eq!(length(fetch, None), 0x1e + 4);
        assert_eq!(length(fetch, Some("version=1")), 0x1e + 4);
        assert_eq!(length(fetch, Some("version=2\n")), 0x1e + 4);
        assert_eq!(length(fetch, Some("version=1:version=2")), 0);
        assert_eq!(length(GitService::ReceivePack, Some("version=2")), 0x1f + 4);
    }

    #[test]
    fn hooks_are_told_who_pushes_and_fetches_have_none() {
        let server = server();
        let push = server.start(&asked(GitService::ReceivePack, Some("version=2")), Some(7));
        assert_eq!(push.settings, ["receive.maxInputSize=7"]);
        let told: Vec<_> = push.variables.iter().map(|(name, _)| *name).collect();
        let expected = [
            "WASMSTORE_PROGRAM",
            "WASMSTORE_PUSH_METHODS",
            "WASMSTORE_PUSH_MAX_MODULE_BYTES",
            "WASMSTORE_PUSH_MAX_SECTION_BYTES",
            "WASMSTORE_PUSH_MAX_PATHS",
            "WASMSTORE_PUSH_AUTHOR",
        ];
        assert_eq!(told, expected);
        let fetch = server.start(&asked(GitService::UploadPack, Some("version=2")), Some(7));
        assert_eq!(fetch.variables, [("GIT_PROTOCOL", "version=2".into())]);
        assert_eq!(fetch.settings, ["uploadpack.allowFilter=true"]);
        let odd = server.start(&asked(GitService::UploadPack, Some("version=2 x")), None);
        assert_eq!(odd.variables, []);
    }

    #[test]
    fn what_a_client_did_wrong_is_told_from_what_the_store_did() {
        for said in [
            "fatal: protocol error: bad line length character: garb",
            "warning: x\nfatal: the remote end hung up unexpectedly\n",
            "fatal: git upload-pack: protocol error, expected to get object ID",
        ] {
            assert!(is_client_error(said), "{said:?}");
        }
        for said in ["", "fatal: not a git repository", "error: protocol error"] {
            assert!(!is_client_error(said), "{said:?}");
        }
    }
}
