//! The errors for malformed names.

/// The maximum length of a rejected name in an error message, in characters.
const QUOTED_CHARS_MAX: usize = 80;

/// The error for a malformed name. The names in it are escaped and truncated, so they are safe to print.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A module path without segments.
    #[error("the module path is empty")]
    PathEmpty,
    /// A one-segment module path that has the form of a hash.
    #[error("module path {path} has the form of a hash: use a directory or another name")]
    PathReadsAsHash {
        /// The rejected path.
        path: String,
    },
    /// A path that is too long.
    #[error("path {path} is longer than {bytes_max} bytes")]
    PathTooLong {
        /// The rejected path, possibly truncated.
        path: String,
        /// The maximum length of a path, in bytes.
        bytes_max: usize,
    },
    /// A path with too many segments.
    #[error("path {path} has more than {segments_max} segments")]
    PathTooDeep {
        /// The rejected path, possibly truncated.
        path: String,
        /// The maximum number of segments.
        segments_max: usize,
    },
    /// A path segment that is not allowed.
    #[error("path segment {segment} {fault}")]
    PathSegment {
        /// The rejected segment.
        segment: String,
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// A path segment that some file systems treat as equal to an existing name in the same directory.
    #[error(
        "path segment {segment} differs from {existing} only in letter case or Unicode normalization, which Windows and macOS ignore \
         (wasmstore.portableNames)"
    )]
    SimilarSegment {
        /// The rejected segment.
        segment: String,
        /// The name of the existing entry in the same directory.
        existing: String,
    },
    /// A branch name that git rejects, or that is too long for the file of a ref.
    #[error("branch name {name} {fault}")]
    Branch {
        /// The rejected name.
        name: String,
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// A tag name that git rejects, or that is too long for the file of a ref.
    #[error("tag name {name} {fault}")]
    Tag {
        /// The rejected name.
        name: String,
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// A malformed name of a mirror.
    #[error("mirror name {name} {fault}")]
    Mirror {
        /// The rejected name.
        name: String,
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// A malformed repository name, tag or digest of the OCI registry API.
    #[error("{kind} {name} {fault}")]
    OciName {
        /// The kind of the name: `repository name`, `tag` or `digest`.
        kind: &'static str,
        /// The rejected name.
        name: String,
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// A malformed glob pattern.
    #[error("pattern {glob} {fault}")]
    Glob {
        /// The rejected pattern.
        glob: String,
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// A URL of a repository that is not accepted.
    #[error("URL {url} {fault}")]
    Url {
        /// The rejected URL, without secrets.
        url: String,
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// A malformed URL of a server.
    #[error("server URL {url} {fault}")]
    ServerUrl {
        /// The rejected URL, without secrets.
        url: String,
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// The URL of the API or of the git repository of a server, where the URL of the server itself was expected.
    #[error("server URL {url} is the URL of the server's API or repository")]
    NotBaseUrl {
        /// The rejected URL, without secrets.
        url: String,
        /// The URL of the server itself, for a hint.
        guess: String,
    },
    /// A store location that is neither a directory nor the URL of a server.
    #[error("store location {text} {fault}")]
    StoreLocation {
        /// The rejected location, without secrets.
        text: String,
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// A store location that looks like the address of a server, but has no scheme.
    #[error("store location {text} has no scheme")]
    HostWithoutScheme {
        /// The rejected location.
        text: String,
        /// The URL that was probably meant.
        guess: String,
    },
    /// A malformed name of a login.
    #[error("login name {name} {fault}")]
    Login {
        /// The rejected name.
        name: String,
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// The name of a ref that is neither a branch nor a tag.
    #[error("{name} is neither a branch (refs/heads/…) nor a tag (refs/tags/…)")]
    Ref {
        /// The rejected name.
        name: String,
    },
    /// Text that is not a git object id, where the hash of a module was expected.
    #[error("{given} is not a module hash: expected 40 or 64 hex digits")]
    ModuleHash {
        /// The rejected text.
        given: String,
    },
    /// Text that is not a git object id, where the id of a commit was expected.
    #[error("{given} is not a commit: expected 40 or 64 hex digits")]
    CommitId {
        /// The rejected text.
        given: String,
    },
    /// A malformed name of a revision.
    #[error(
        "revision {name} {fault}: expected a branch, a tag or a commit, such as `main`, `v1.0`, `3e61ae063a`, `main~2` or `main@{{2026-11-01}}`"
    )]
    Revision {
        /// The rejected name, possibly truncated.
        name: String,
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// A name of a revision with something that is not a date between `@{` and `}`.
    #[error(
        "revision {name} {fault}: expected a date, a time or an age, such as `main@{{2026-11-01}}`, `main@{{2026-11-01T12:00:00Z}}`, `main@{{1d}}` or `main@{{yesterday}}`"
    )]
    RevisionDate {
        /// The rejected name, possibly truncated.
        name: String,
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// Text that is neither a date nor a duration.
    #[error(
        "{given} is neither a date nor an age: expected something like 2026-11-01, 2026-11-01T12:00:00Z, 90d or 12h"
    )]
    Cutoff {
        /// The rejected text, possibly truncated.
        given: String,
    },
    /// Text that is not a SHA-256 digest.
    #[error("{given} is not a digest: expected `sha256:` and 64 hex digits")]
    Digest {
        /// The rejected text.
        given: String,
    },
    /// Text that is neither a hash nor a digest.
    #[error("{given} is not a hash: expected 40 or 64 hex digits, or `sha256:` and 64 hex digits")]
    HashRef {
        /// The rejected text.
        given: String,
    },
    /// An author that git cannot store in a commit.
    #[error("author {given} {fault}: expected `Name <mail>`")]
    Author {
        /// The rejected text.
        given: String,
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// A commit message that is not accepted.
    #[error("the commit message {fault}")]
    Message {
        /// The broken rule, as a predicate such as `is empty`.
        fault: &'static str,
    },
    /// A commit message whose last line has the form of a trailer that only wasmstore itself writes.
    #[error("the commit message ends in {line}: only rollback and gc write such a line")]
    MessageTrailer {
        /// The last line of the message.
        line: String,
    },
}

/// Returns a rejected name in quotes, escaped and truncated.
pub(super) fn quoted(name: &str) -> String {
    match name.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", &name[..end]),
        None => format!("{name:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_names_are_escaped() {
        assert_eq!(
            quoted("a\n\u{1b}[31m\u{200c}\""),
            r#""a\n\u{1b}[31m\u{200c}\"""#
        );
    }

    #[test]
    fn quoted_names_are_truncated_between_characters() {
        let whole = "ä".repeat(QUOTED_CHARS_MAX);
        assert_eq!(quoted(&whole), format!("\"{whole}\""));
        assert_eq!(quoted(&format!("{whole}ä")), format!("\"{whole}\"…"));
    }
}
