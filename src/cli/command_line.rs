//! The definition of the whole command line, from which clap makes the parser and the help.

use super::args::GlobalArgs;
use super::commands::Command;

const AFTER_HELP: &str = "\
Environment (a flag takes precedence over its variable; an empty variable counts as unset):
  WASMSTORE_ROOT    the store's directory, or the URL or @NAME of its server; default: ~/.wasmstore
  WASMSTORE_KEY     the key for the server; default: the key in the file that WASMSTORE_KEY_FILE names,
                    or the one that `login` keeps
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY
                    the proxy for connections to servers, and the hosts that need none
  WASMSTORE_BRANCH  the branch to work on; default: the store's default branch
  WASMSTORE_AUTHOR  the author of commits; default: git's user.name and user.email
  WASMSTORE_HOST, WASMSTORE_PORT, WASMSTORE_AUTH, WASMSTORE_TLS, WASMSTORE_CONFIG
                    the same as the flags of `server`
  PAGER             the pager of `log`; default: less -FRX
  NO_COLOR          disable color, unless --color enables it
  CLICOLOR_FORCE    enable color even if the output is not a terminal
  TZ                the time zone of the dates in `log` and `audit`

An error is one line on standard error. For some errors, a line `hint: …` says what to do next, except with --quiet.

Exit codes:
  0  success
  1  not found, unreadable input, differences (`diff --exit-code`), or any other failure
  2  invalid command line, key or server configuration
  3  invalid module, or malformed path, hash, branch, commit or query
  4  conflict, failed precondition, or nothing to roll back
  5  the store cannot be opened, read, written or reached, or `verify` found faults";

/// The text that `--version` prints after the program's name. `-V` prints only its first line.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit: ",
    env!("WASMSTORE_COMMIT"),
    "\nobject formats: sha1, sha256",
    "\nbuckets: s3, gs, az, file"
);

/// Store WebAssembly modules by path and version in a bare git repository
///
/// Without a command, prints an overview of the store and creates nothing: root, branch, number of modules and commits (up to a limit
/// that keeps counting fast), size of all objects, newest commit and mirrors. JSON:
/// {"root":"…","exists":true,"object_format":"sha1"|"sha256","branch":"…","default_branch":"…","branches":N,"tags":N,
/// "modules":{"count":N,"more":true|false},"commits":{"count":N,"more":true|false},"objects_bytes":N,
/// "newest":{"commit":"…","hash":"…","parents":["…"],"author":"…","date":<unix seconds>,"message":"…"}|null,
/// "mirrors":[{"name":"…","url":"…"}]}, or {"root":"…","exists":false}; a server does not report object_format, tags, objects_bytes and
/// mirrors
#[derive(Debug, clap::Parser)]
#[command(name = "wasmstore", version, long_version = LONG_VERSION, after_help = AFTER_HELP, max_term_width = 100)]
pub(super) struct CommandLine {
    #[command(flatten)]
    pub globals: GlobalArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}
