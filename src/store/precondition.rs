//! Preconditions of writes (RFC 9110, section 13).
//!
//! A write checks its precondition when it is published, against the tip that it replaces. `early_checks` also checks it before the body of
//! an upload is read.

use std::fmt;

use super::error::{Error, Result};
use super::open::Store;
use crate::names::{CommitId, ModuleHash, TreePath};
use crate::repo::TreeNode;

/// The precondition of a write. It compares entity tags with the current entity tag: for a write to a single path, this is the hash of the
/// module there; for a write to several paths, the id of the branch's tip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// The current entity tag must be one of these (`If-Match`).
    pub if_match: Option<EntityTags>,
    /// The current entity tag must not be one of these (`If-None-Match`).
    pub if_none_match: Option<EntityTags>,
}

/// The entity tags in a precondition header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityTags {
    /// Any entity tag (`*`).
    Any,
    /// One of these: hashes or commit ids in lower-case hex, or digests of modules as `sha256:<hex>`.
    OneOf(Vec<String>),
}

/// How a tag begins that is the digest of a module.
const DIGEST_PREFIX: &str = "sha256:";

impl EntityTags {
    /// Returns whether one of the tags is the digest of a module.
    pub fn has_digest(&self) -> bool {
        match self {
            Self::Any => false,
            Self::OneOf(tags) => tags.iter().any(|tag| tag.starts_with(DIGEST_PREFIX)),
        }
    }

    fn matches(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(|listed| listed == tag),
        }
    }
}

impl Precondition {
    /// Returns the precondition that the module has this hash.
    pub fn module(hash: ModuleHash) -> Self {
        Self {
            if_match: Some(EntityTags::OneOf(vec![hash.to_string()])),
            if_none_match: None,
        }
    }

    /// Checks the precondition against the names of the current value: its entity tag first, then other names that a condition may use for
    /// it. `names` is empty if the module or tip does not exist.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`].
    pub fn check(&self, names: &[&str]) -> Result<()> {
        if self.holds(|tags| names.iter().any(|name| tags.matches(name))) {
            return Ok(());
        }
        let current = match names.first() {
            Some(tag) => format!("the current value is {tag}"),
            None => "nothing exists there".to_owned(),
        };
        Err(Error::PreconditionFailed { current })
    }

    fn holds(&self, matches: impl Fn(&EntityTags) -> bool) -> bool {
        self.if_match.as_ref().is_none_or(&matches)
            && !self.if_none_match.as_ref().is_some_and(&matches)
    }

    /// Returns whether a condition names the digest of a module.
    pub fn has_digest(&self) -> bool {
        let conditions = [&self.if_match, &self.if_none_match];
        conditions.into_iter().flatten().any(EntityTags::has_digest)
    }

    /// Returns whether there are no conditions, so that the precondition always holds.
    pub(super) fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }
}

/// What the precondition of a write is about. It determines the current tag.
pub(super) enum PreconditionSubject<'s> {
    /// The module at a path: the entity tag is its hash. If the path is a directory, the tag is the branch's tip.
    Path(&'s TreePath),
    /// The branch: the entity tag is the commit id of its tip.
    Branch,
    /// A module that the request names by hash or digest. The tag is its hash if any path has the module, otherwise `None`.
    Module(Option<ModuleHash>),
}

/// The current tag of something that exists.
pub(super) enum CurrentTag {
    /// The hash of a module. A condition may name the module by its digest instead.
    Module(ModuleHash),
    /// The tip of a branch.
    Tip(CommitId),
}

impl fmt::Display for CurrentTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module(hash) => hash.fmt(f),
            Self::Tip(commit) => commit.fmt(f),
        }
    }
}

impl Store {
    /// Checks the precondition of a write to `path` against the current tag. `current` is `None` if the module or tip does not exist.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`]; a condition names a digest, and the current module cannot be read.
    pub(super) fn check_current_at(
        &self,
        precondition: &Precondition,
        path: &TreePath,
        current: Option<CurrentTag>,
    ) -> Result<()> {
        let failed = match current {
            Some(CurrentTag::Module(hash)) => format!("the current value at {path} is {hash}"),
            None => format!("nothing exists at {path}"),
            // The tag of a directory is the branch's tip, which is not a value at the path.
            Some(CurrentTag::Tip(_)) => return self.check_current(precondition, current),
        };
        let checked = self.check_current(precondition, current);
        checked.map_err(|error| match error {
            Error::PreconditionFailed { .. } => Error::PreconditionFailed { current: failed },
            error => error,
        })
    }

    /// Checks a precondition against the current tag. `current` is `None` if the module or tip does not exist.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`]; a condition names a digest, and the current module cannot be read.
    pub(super) fn check_current(
        &self,
        precondition: &Precondition,
        current: Option<CurrentTag>,
    ) -> Result<()> {
        let tag = current.as_ref().map(ToString::to_string);
        match (current, tag.as_deref()) {
            // The digest of the current module is compared, and not the hash that the index has for the digest: the module may be newer
            // than the index.
            (Some(CurrentTag::Module(hash)), Some(tag)) if precondition.has_digest() => {
                let digest = self.digest(hash)?.to_string();
                precondition.check(&[tag, &digest])
            }
            (_, tag) => precondition.check(tag.as_slice()),
        }
    }
}

impl<'s> From<&'s TreePath> for PreconditionSubject<'s> {
    fn from(path: &'s TreePath) -> Self {
        if path.is_root() {
            Self::Branch
        } else {
            Self::Path(path)
        }
    }
}

/// Returns the entity tag of a tree entry: the hash of a module, or the branch's tip for a directory; `None` if there is no entry or it is
/// something else.
pub(super) fn entity_tag(
    node: Option<TreeNode>,
    tip: impl FnOnce() -> Option<CommitId>,
) -> Option<CurrentTag> {
    match node {
        Some(TreeNode::Module(hash)) => Some(CurrentTag::Module(hash)),
        Some(TreeNode::Directory(_)) => tip().map(CurrentTag::Tip),
        Some(TreeNode::Foreign) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preconditions_compare_as_rfc_9110_requires() {
        let tags = |tags: &[&str]| {
            Some(EntityTags::OneOf(
                tags.iter().map(|&tag| tag.into()).collect(),
            ))
        };
        let any = || Some(EntityTags::Any);
        for (if_match, if_none_match, current, holds) in [
            (None, None, None, true),
            (any(), None, Some("a"), true),
            (any(), None, None, false),
            (tags(&["b", "a"]), None, Some("a"), true),
            (tags(&["b"]), None, Some("a"), false),
            (tags(&["b"]), None, None, false),
            (None, any(), None, true),
            (None, any(), Some("a"), false),
            (None, tags(&["b"]), Some("a"), true),
            (None, tags(&["b", "a"]), Some("a"), false),
            (tags(&["a"]), tags(&["a"]), Some("a"), false),
            (tags(&[]), None, Some("a"), false),
        ] {
            let precondition = Precondition {
                if_match,
                if_none_match,
            };
            let case = format!("{precondition:?} {current:?}");
            assert_eq!(
                precondition.check(current.as_slice()).is_ok(),
                holds,
                "{case}"
            );
        }
    }
}
