//! What may be written on the command line, but for what each command takes.

use clap::ValueHint;
use clap::builder::{PathBufValueParser, TypedValueParser as _};

use super::color::When;
use super::commands::Command;
use super::store_location::StoreLocation;
use crate::names::{self, Author, BranchName, CommitId, Message};
use crate::store::Revision;

const AFTER_HELP: &str = "\
Environment (a flag beats its variable; an empty variable counts as unset):
  WASMSTORE_ROOT    the store's folder, or the URL of its server; ~/.wasmstore by default
  WASMSTORE_KEY     the key for a server
  WASMSTORE_BRANCH  the branch to work on; the store's default branch by default
  WASMSTORE_AUTHOR  the author of changes; wasmstore <wasmstore@localhost> by default
  WASMSTORE_HOST, WASMSTORE_PORT, WASMSTORE_AUTH, WASMSTORE_TLS, WASMSTORE_CONFIG
                    what the flags of `server` say
  PAGER             the pager of `log`; less -FRX by default
  NO_COLOR          no color, unless --color asks for it
  CLICOLOR_FORCE    color also where there is no terminal
  TZ                the time zone of the dates in `log` and `audit`

A failure is one line on standard error. Where it is known what to do next, a line `hint: …` follows; not with --quiet.

Exit codes:
  0  done
  1  not found, unreadable input, or any failure not listed
  2  the command line, or the configuration of a server, cannot be parsed
  3  invalid module, or malformed path, hash, branch or commit
  4  conflict, or nothing to roll back
  5  the store cannot be opened, read, written or reached";

/// Keep WebAssembly modules by path and version, in a bare git repository
///
/// Without a command, prints where the store is and what is in it, and creates nothing: root, branch, how many modules and commits
/// it has, as far as they are quickly counted, the size of all objects, the newest commit and the mirrors. JSON:
/// {"root":"…","exists":true,"object_format":"sha1"|"sha256","branch":"…","default_branch":"…","branches":N,"tags":N,
/// "modules":{"count":N,"more":true|false},"commits":{"count":N,"more":true|false},"objects_bytes":N,
/// "newest":{"hash":"…","parents":["…"],"author":"…","date":<unix seconds>,"message":"…"}|null,
/// "mirrors":[{"name":"…","url":"…"}]}, or {"root":"…","exists":false}; of a server without object_format, tags, objects_bytes and
/// mirrors
#[derive(Debug, clap::Parser)]
#[command(name = "wasmstore", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(super) struct CommandLine {
    #[command(flatten)]
    pub globals: GlobalArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command takes, before or after its name.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalArgs {
    /// Work on the store in this folder, or on the one that is served at this URL [env: WASMSTORE_ROOT]
    #[arg(long, global = true, value_name = "DIR|URL", value_hint = ValueHint::DirPath,
        value_parser = PathBufValueParser::new().try_map(StoreLocation::parse))]
    pub root: Option<StoreLocation>,
    /// Work on this branch [env: WASMSTORE_BRANCH]
    #[arg(long, global = true, value_name = "NAME", value_parser = BranchName::parse)]
    pub branch: Option<BranchName>,
    /// Commit as this author [env: WASMSTORE_AUTHOR]
    #[arg(long, global = true, value_name = "NAME <MAIL>", value_parser = Author::parse)]
    pub author: Option<Author>,
    /// Print JSON; errors stay text
    #[arg(long, global = true)]
    pub json: bool,
    /// Tell more on standard error, twice for details
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Tell nothing but errors on standard error
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Color messages and help; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: When,
}

/// What every reading command takes.
#[derive(Debug, clap::Args)]
pub(super) struct ReadArgs {
    /// Answer as of this commit rather than the branch's tip
    #[arg(long, value_name = "COMMIT", value_parser = CommitId::parse)]
    pub commit: Option<CommitId>,
}

/// What every command that makes a commit takes.
#[derive(Debug, clap::Args)]
pub(super) struct WriteArgs {
    /// Commit with this message rather than the command's own
    #[arg(short, long, value_name = "TEXT", value_parser = Message::parse)]
    pub message: Option<Message>,
}

/// Reads the name of a commit or a branch: what reads as a commit is one.
pub(super) fn commit_or_branch(text: &str) -> Result<Revision, names::Error> {
    match CommitId::parse(text) {
        Ok(commit) => Ok(Revision::Commit(commit)),
        Err(_) => BranchName::parse(text).map(|branch| Revision::Branch(Some(branch))),
    }
}
