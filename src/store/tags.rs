//! Reads, creates and deletes tags.

use std::iter;
use std::ops::ControlFlow;

use super::change::Change;
use super::error::{Error, Result};
use super::open::Store;
use super::revision::Revision;
use crate::names::{CommitId, ObjectId, RefName, TagName};
use crate::repo::{ExistingRef, IncomingObjects, NewTag, Published};

/// A tag that points to a commit, directly or through a tag object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The name of the tag, without `refs/tags/`.
    pub name: TagName,
    /// The object that the ref names: the tag object of an annotated tag, otherwise the commit. Its id is the entity tag of the tag. `None`
    /// if a server has listed the tag.
    pub object: Option<ObjectId>,
    /// The commit to which the tag points.
    pub commit: CommitId,
    /// Whether the tag is annotated: it is a tag object with a message and a tagger.
    pub is_annotated: bool,
    /// The name of the tagger, or of the commit's author if the tag has no tagger.
    pub author: String,
    /// The time when the tag was created, or the author time of the commit if the tag has no tagger, in seconds since 1970-01-01 UTC.
    pub date_s: i64,
    /// The message of an annotated tag, or of the commit for any other tag, without the newlines at its end.
    pub message: String,
}

impl Tag {
    /// Returns the entity tag, without quotation marks: the id of the object that the ref names, or else of the commit.
    pub fn entity_tag(&self) -> String {
        match &self.object {
            Some(object) => object.to_string(),
            None => self.commit.to_string(),
        }
    }
}

/// What to do if the tag to create exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingTag {
    /// Refuse to create the tag.
    Refuse,
    /// Replace the existing tag.
    Replace,
}

impl Store {
    /// Calls `visit` for every tag that points to a commit, sorted by name, until `visit` returns `Break`. With `after`, starts with the
    /// first name after it. Skips tags that cannot be read.
    pub fn tags_after(
        &self,
        after: Option<&TagName>,
        mut visit: impl FnMut(Tag) -> ControlFlow<()>,
    ) -> Result<()> {
        if self.object_format().is_none() {
            return Ok(());
        }
        let incoming = self.repo.incoming(None, self.options.push)?;
        for (name, object) in self.refs()? {
            let RefName::Tag(name) = name else { continue };
            if Some(&name) <= after {
                continue;
            }
            match self.read_tag(&incoming, name.clone(), object) {
                Ok(Some(tag)) => {
                    if visit(tag).is_break() {
                        break;
                    }
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(%name, %error, "cannot read a tag"),
            }
        }
        Ok(())
    }

    /// Returns the tag with this name.
    ///
    /// # Errors
    /// There is no such tag, or the tag does not point to a commit.
    pub fn tag(&self, name: &TagName) -> Result<Tag> {
        let unknown = || Error::UnknownTag(name.to_string());
        let full_name = RefName::from(name.clone());
        let object = self.repo.refs().object_of(&full_name)?;
        let object = object.ok_or_else(unknown)?;
        let incoming = self.repo.incoming(None, self.options.push)?;
        let tag = self.read_tag(&incoming, name.clone(), object)?;
        tag.ok_or_else(|| Error::NoAncestor {
            name: full_name.to_string(),
            reason: "the tag does not lead to a commit".to_owned(),
        })
    }

    /// Creates a tag at the commit to which `from` resolves now. If `change` has a message, the tag is annotated: the author of `change` is
    /// the tagger. The precondition of `change` is compared with the existing tag as by [`delete_tag`](Self::delete_tag). The result has the
    /// new commit, no branch, and as its value the commit of the tag that was replaced.
    ///
    /// # Errors
    /// The tag exists and `existing` is `Refuse`; its name conflicts with another tag, as `v1` and `v1/x` do; `from` is unknown.
    pub fn create_tag(
        &self,
        change: &Change,
        tag: &TagName,
        from: &Revision,
        existing: ExistingTag,
    ) -> Result<Published<Option<CommitId>>> {
        // Begins the write before the commit is looked up, so that no `gc` can remove the commit before the tag reaches it.
        let txn = self.begin()?;
        let commit = self.snapshot(from)?;
        let tagger = change.author();
        let message = change.message.as_ref();
        let new = NewTag {
            commit,
            annotation: message.map(|message| (&tagger, message.as_str())),
        };
        let mut replaced = None;
        let has_moved = txn.set_tag(tag, new, |old| {
            self.check_tag(change, old)?;
            match old {
                Some(_) if existing == ExistingTag::Refuse => {
                    Err(Error::TagExists(tag.to_string()))
                }
                Some(old) => {
                    replaced = self.peeled(old).unwrap_or_default();
                    Ok(())
                }
                None => Ok(()),
            }
        })?;
        Ok(Published {
            branch: None,
            commit: Some(commit),
            has_moved,
            value: replaced.filter(|_| has_moved),
        })
    }

    /// Deletes a tag. Commits that only this tag reaches remain until the next `gc`. The precondition of `change` names the object of the
    /// tag, or the commit to which the tag points, if an annotated tag may have got another message since; a broken tag has neither. The
    /// result has that commit, and no branch.
    ///
    /// # Errors
    /// There is no such tag; the precondition does not hold.
    pub fn delete_tag(&self, change: &Change, tag: &TagName) -> Result<Published<()>> {
        let mut commit = None;
        self.begin()?.delete_tag(tag, |existing| match existing {
            ExistingRef::Absent => Err(Error::UnknownTag(tag.to_string())),
            ExistingRef::Broken => self.check_tag(change, None),
            ExistingRef::At(object) => {
                self.check_tag(change, Some(object))?;
                // A tag whose objects are missing is deleted, too.
                commit = self.peeled(object).unwrap_or_default();
                Ok(())
            }
        })?;
        Ok(Published {
            branch: None,
            commit,
            has_moved: true,
            value: (),
        })
    }

    /// Compares the precondition of `change` with the object of a tag and with the commit to which it points.
    fn check_tag(&self, change: &Change, object: Option<ObjectId>) -> Result<()> {
        if change.precondition.is_empty() {
            return Ok(());
        }
        let Some(object) = object else {
            return change.precondition.check(&[]);
        };
        let commit = self.peeled(object)?;
        let commit = commit.map(|commit| commit.to_string());
        let object = object.to_string();
        let names = iter::once(&*object).chain(commit.as_deref());
        change.precondition.check(&names.collect::<Vec<_>>())
    }

    /// Returns the commit that the object of a tag leads to; `None` if it leads to something else.
    fn peeled(&self, object: ObjectId) -> Result<Option<CommitId>> {
        Ok({ self.repo.incoming(None, self.options.push)? }.peel(object)?)
    }

    /// Reads the tag with the object id `object`; `None` if it does not point to a commit.
    fn read_tag(
        &self,
        incoming: &IncomingObjects,
        name: TagName,
        object: ObjectId,
    ) -> Result<Option<Tag>> {
        let Some(commit) = incoming.peel(object)? else {
            return Ok(None);
        };
        let is_annotated = commit.as_bytes() != object.as_bytes();
        let commit = self.repo.objects().linked_commit(commit)?;
        let mut tag = Tag {
            name,
            object: Some(object),
            commit: commit.id,
            is_annotated,
            author: commit.author,
            date_s: commit.date_s,
            message: commit.message,
        };
        if is_annotated {
            let annotation = incoming.annotation(object)?;
            if let Some((tagger, date_s)) = annotation.tagger {
                (tag.author, tag.date_s) = (tagger, date_s);
            }
            tag.message = annotation.message;
        }
        Ok(Some(tag))
    }
}
