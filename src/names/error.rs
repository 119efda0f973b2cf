//! Why a name was refused.

/// The longest piece of an offending name that an error repeats, in characters.
const QUOTED_CHARS_MAX: usize = 80;

/// A name that breaks a rule. The names carried here are escaped and cut, safe to print anywhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A module path has no segment at all.
    #[error("the module path is empty")]
    PathEmpty,
    /// A one-segment module path cannot be told from a hash.
    #[error(
        "module path {path} reads as a hash: put the module in a folder or name it differently"
    )]
    PathReadsAsHash {
        /// The path.
        path: String,
    },
    /// A path is too long as a whole.
    #[error("path {path} is longer than {bytes_max} bytes")]
    PathTooLong {
        /// The path, or its beginning.
        path: String,
        /// The limit.
        bytes_max: usize,
    },
    /// A path has too many segments.
    #[error("path {path} has more than {segments_max} segments")]
    PathTooDeep {
        /// The path, or its beginning.
        path: String,
        /// The limit.
        segments_max: usize,
    },
    /// One segment of a path is not allowed.
    #[error("path segment {segment} {fault}")]
    PathSegment {
        /// The segment.
        segment: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A branch name that git would refuse, or whose file could not be made.
    #[error("branch name {name} {fault}")]
    Branch {
        /// The name.
        name: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A tag name that git would refuse, or whose file could not be made.
    #[error("tag name {name} {fault}")]
    Tag {
        /// The name.
        name: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A name that no mirror can have.
    #[error("mirror name {name} {fault}")]
    Mirror {
        /// The name.
        name: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A URL of another repository that is not taken.
    #[error("URL {url} {fault}")]
    Url {
        /// The URL, without secrets.
        url: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// Not the URL of a server.
    #[error("server URL {url} {fault}")]
    ServerUrl {
        /// The URL, without secrets.
        url: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// Neither a branch nor a tag.
    #[error("{name} is neither a branch (refs/heads/…) nor a tag (refs/tags/…)")]
    Ref {
        /// The name.
        name: String,
    },
    /// Not a git object id, where a module's was expected.
    #[error("{given} is not a module hash: 40 or 64 hex digits are expected")]
    ModuleHash {
        /// What was given.
        given: String,
    },
    /// Not a git object id, where a commit's was expected.
    #[error("{given} is not a commit: 40 or 64 hex digits are expected")]
    CommitId {
        /// What was given.
        given: String,
    },
    /// Not a SHA-256 digest.
    #[error("{given} is not a digest: `sha256:` and 64 hex digits are expected")]
    Digest {
        /// What was given.
        given: String,
    },
    /// Neither a module hash nor a digest.
    #[error(
        "{given} is not a hash: 40 or 64 hex digits, or `sha256:` and 64 of them, are expected"
    )]
    HashRef {
        /// What was given.
        given: String,
    },
    /// An author that cannot stand in a commit.
    #[error("author {given} {fault}: `Name <mail>` is expected")]
    Author {
        /// What was given.
        given: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A commit message that cannot be taken.
    #[error("the commit message {fault}")]
    Message {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A commit message whose last line would pass for a trailer of this store.
    #[error("the commit message ends in {line}: only rollback and gc write such a line")]
    MessageTrailer {
        /// The line.
        line: String,
    },
}

/// Escapes an offending name and cuts it to a length that a person can read.
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
    fn quoted_names_are_cut_between_characters() {
        let whole = "ä".repeat(QUOTED_CHARS_MAX);
        assert_eq!(quoted(&whole), format!("\"{whole}\""));
        assert_eq!(quoted(&format!("{whole}ä")), format!("\"{whole}\"…"));
    }
}
