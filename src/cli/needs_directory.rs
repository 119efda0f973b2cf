//! The hints for commands that need the store's directory, when the store is on a server.

use crate::names::ServerUrl;

/// Each command that works only on a local store, and the hint that is shown if `--root` selects a server. `{url}` stands for the URL of
/// the server, and `{git}` for the URL of its git repository.
const REASONS: &[(&str, &str)] = &[
    (
        "init",
        "`init` creates a directory, and a server creates its own store when it starts",
    ),
    (
        "filename",
        "`filename` prints the path of a file in the directory; `wasmstore find PATH -o FILE` writes the module to a file on this machine",
    ),
    (
        "backup",
        "`backup` archives the files of the directory; `wasmstore clone {git} --root DIR` copies the store with its history to this \
            machine, and `wasmstore backup FILE --root DIR` archives the copy",
    ),
    (
        "mirror",
        "the directory has the mirrors with their passwords, and the server pushes to them; {url}/ui/status shows their state",
    ),
    (
        "clone",
        "`clone` creates the copy in a directory: name a new one with --root DIR",
    ),
    (
        "verify",
        "`verify` reads every object on the disk; {url}/ui/status can start it on the server, and `wasmstore clone {git} --root DIR` \
            copies the store and verifies the copy",
    ),
    (
        "reindex",
        "the version index is a file in the directory, and the server keeps it current by itself",
    ),
    (
        "server",
        "a server serves a directory; `wasmstore server --replica-of {url} --root DIR` serves a copy that follows that server",
    ),
];

/// Returns the hint for a command: why it needs the store's directory, and what to use instead for the store on the server at `url`.
pub(super) fn reason(command: &str, url: &ServerUrl) -> Option<String> {
    let (_, reason) = REASONS.iter().find(|(name, _)| *name == command)?;
    let git = url.git();
    Some(
        reason
            .replace("{url}", &url.to_string())
            .replace("{git}", git.secret()),
    )
}
