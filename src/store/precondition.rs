//! Preconditions: what has to be there for a change to be made (RFC 9110, section 13).

use super::error::{Error, Result};
use super::open::{Change, Store};
use super::revision::{Revision, View};
use crate::names::{ModuleRef, TreePath};
use crate::repo::{Draft, Node};

/// What a change asks of what it is going to change: of the module at its path, whose tag is its hash; of a change of more than
/// one path, of the branch's tip, whose tag is the commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// It must be there, as one of these (`If-Match`).
    pub if_match: Option<EntityTags>,
    /// It must not be there as one of these (`If-None-Match`).
    pub if_none_match: Option<EntityTags>,
}

/// EntityTags to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityTags {
    /// Whatever is there.
    Any,
    /// One of these hashes or commits, as lower-case hex.
    OneOf(Vec<String>),
}

impl EntityTags {
    fn have(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(|these| these == tag),
        }
    }
}

impl Precondition {
    /// Compares with the tag of what is there now.
    ///
    /// # Errors
    /// [`Error::Precondition`].
    pub fn check(&self, now: Option<&str>) -> Result<()> {
        let is_one_of = |tags: &EntityTags| now.is_some_and(|now| tags.have(now));
        let holds = self.if_match.as_ref().is_none_or(is_one_of)
            && !self.if_none_match.as_ref().is_some_and(is_one_of);
        match holds {
            true => Ok(()),
            false => Err(Error::Precondition {
                now: now.map_or_else(
                    || "nothing is there".to_owned(),
                    |now| format!("it is {now}"),
                ),
            }),
        }
    }

    fn is_none(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }
}

/// What a change is about.
pub(super) enum Subject<'s> {
    /// The module at a path; the tip, if a folder stands there.
    Path(&'s TreePath),
    /// The branch.
    Branch,
    /// The module with this hash, wherever it is.
    Module(Option<String>),
}

impl<'s> From<&'s TreePath> for Subject<'s> {
    fn from(path: &'s TreePath) -> Self {
        match path.is_root() {
            true => Self::Branch,
            false => Self::Path(path),
        }
    }
}

impl Change {
    /// Decides on the precondition, on the tip that is going to be replaced.
    pub(super) fn check(&self, draft: &Draft<'_>, subject: Subject<'_>) -> Result<()> {
        if self.precondition.is_none() {
            return Ok(());
        }
        let tip = || draft.tip().map(|tip| tip.id.to_string());
        let now = match subject {
            Subject::Branch => tip(),
            Subject::Module(hash) => hash,
            Subject::Path(path) => tag(draft.node(path)?, tip),
        };
        self.precondition.check(now.as_deref())
    }
}

impl Store {
    /// Refuses a change of `name`, or of the whole tree, that the branch's tip shows to be in vain: its precondition fails, or the
    /// branch is unknown. The change itself decides: the branch may move until then.
    ///
    /// # Errors
    /// [`Error::Precondition`]; unknown branch.
    pub fn check_precondition(&self, change: &Change, name: Option<&ModuleRef>) -> Result<()> {
        self.read(&Revision::Branch(change.branch.clone()), |view| {
            if change.precondition.is_none() {
                return Ok(());
            }
            let now = match name {
                None => view.commit.map(|tip| tip.to_string()),
                Some(ModuleRef::Path(path)) => self.tag_at(view, path.as_tree_path())?,
                Some(ModuleRef::Hash(hash)) => {
                    self.listed(view, hash)?.map(|hash| hash.to_string())
                }
            };
            change.precondition.check(now.as_deref())
        })
    }

    fn tag_at(&self, view: View, path: &TreePath) -> Result<Option<String>> {
        let node = match view.tree {
            Some(tree) => self.repo.objects().node(tree, path)?,
            None => None,
        };
        Ok(tag(node, || view.commit.map(|tip| tip.to_string())))
    }
}

fn tag(node: Option<Node>, tip: impl FnOnce() -> Option<String>) -> Option<String> {
    match node {
        Some(Node::Module(hash)) => Some(hash.to_string()),
        Some(Node::Folder(_)) => tip(),
        Some(Node::Foreign) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precondition_is_compared_as_the_rfc_says() {
        let these = |tags: &[&str]| {
            Some(EntityTags::OneOf(
                tags.iter().map(|&tag| tag.into()).collect(),
            ))
        };
        let any = || Some(EntityTags::Any);
        for (if_match, if_none_match, now, holds) in [
            (None, None, None, true),
            (any(), None, Some("a"), true),
            (any(), None, None, false),
            (these(&["b", "a"]), None, Some("a"), true),
            (these(&["b"]), None, Some("a"), false),
            (these(&["b"]), None, None, false),
            (None, any(), None, true),
            (None, any(), Some("a"), false),
            (None, these(&["b"]), Some("a"), true),
            (None, these(&["b", "a"]), Some("a"), false),
            (these(&["a"]), these(&["a"]), Some("a"), false),
            (these(&[]), None, Some("a"), false),
        ] {
            let precondition = Precondition {
                if_match,
                if_none_match,
            };
            let case = format!("{precondition:?} {now:?}");
            assert_eq!(precondition.check(now).is_ok(), holds, "{case}");
        }
    }
}
