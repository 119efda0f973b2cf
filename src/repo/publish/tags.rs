//! Creates, replaces and deletes tags.

use gix::objs::Kind;
use gix::refs::Target;

use crate::names::{Author, CommitId, ObjectId, RefName, TagName};
use crate::repo::error::{Error, Result};
use crate::repo::ids::shared_id;
use crate::repo::objects::commit;
use crate::repo::objects::tag::{NewTagObject, encode};
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::refs::read::read_tip;

/// The target of a new tag: a commit, directly or through a tag object.
#[derive(Clone, Copy, Debug)]
pub struct NewTag<'t> {
    /// The commit to which the tag points, directly or through a tag object.
    pub commit: CommitId,
    /// The tagger and the message of an annotated tag; `None` for a lightweight tag.
    pub annotation: Option<(&'t Author, &'t str)>,
}

/// The existing ref with the name of the tag that a caller wants to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingRef {
    /// There is no ref with this name.
    Absent,
    /// A ref that names no object.
    Broken,
    /// A tag that points to this object.
    At(ObjectId),
}

impl WriteTxn<'_> {
    /// Creates or replaces a tag. It points to the commit, or to a new tag object for the commit. Calls `check` with the object to which
    /// the tag pointed before. Returns whether the tag has moved.
    ///
    /// # Errors
    /// The error of `check`; `TagClash`; `UnknownCommit`; `Name` if a new tag may not have this name.
    pub fn set_tag<E: From<Error>>(
        mut self,
        tag: &TagName,
        new: NewTag<'_>,
        mut check: impl FnMut(Option<ObjectId>) -> Result<(), E>,
    ) -> Result<bool, E> {
        // Makes the commit durable before `refs.lock` is taken, because that may take long, and would block all other ref updates under the
        // lock.
        commit::read(self.repo(), new.commit)?;
        let target = self.sync_history_of(new.commit)?;
        let target = match new.annotation {
            Some((tagger, message)) => {
                let bytes = encode(&NewTagObject {
                    name: tag,
                    commit: target,
                    tagger,
                    message,
                })?;
                self.stage(Kind::Tag, &bytes)?
            }
            None => target,
        };
        self.sync()?;
        let parts = self.parts;
        let name = RefName::from(tag.clone());
        let _refs_lock = parts.locks.refs()?;
        parts.until_swapped(|| {
            let old = self.durable_tag(&name)?;
            if let Err(error) = check(old.map(|id| shared_id(&id))) {
                return Ok(Err(error));
            }
            if old == Some(target) {
                return Ok(Ok(false));
            }
            self.prepare_tag(tag, &name, new.commit)?;
            self.move_ref(&name, old, Some(target))?;
            Ok(Ok(true))
        })?
    }

    /// Deletes a tag. Objects that only this tag reached stay until the next `gc`. Calls `check` with the existing ref of this name; if
    /// there is no such tag, `check` must return an error.
    ///
    /// # Errors
    /// The error of `check`.
    pub fn delete_tag<E: From<Error>>(
        mut self,
        tag: &TagName,
        mut check: impl FnMut(ExistingRef) -> Result<(), E>,
    ) -> Result<(), E> {
        let parts = self.parts;
        let name = RefName::from(tag.clone());
        let _refs_lock = parts.locks.refs()?;
        parts.until_swapped(|| {
            let old = match self.durable_tag(&name) {
                Ok(old) => old,
                // Repairs the local copy of the shared state first, and then tries again.
                Err(Error::BrokenRef(_)) if self.is_shared() => {
                    parts.doubt();
                    return Err(Error::Moved(name.clone()));
                }
                Err(_) if parts.refs.is_broken(&name)? => {
                    if let Err(error) = check(ExistingRef::Broken) {
                        return Ok(Err(error));
                    }
                    return parts.refs.delete_broken(&name).map(Ok);
                }
                Err(error) => return Err(error),
            };
            let existing = old.map_or(ExistingRef::Absent, |id| ExistingRef::At(shared_id(&id)));
            if let Err(error) = check(existing) {
                return Ok(Err(error));
            }
            self.move_ref(&name, old, None).map(Ok)
        })?
    }

    /// Checks the name of a new tag, and makes its commit durable. The caller must hold `refs.lock`.
    fn prepare_tag(&mut self, tag: &TagName, name: &RefName, commit: CommitId) -> Result<()> {
        name.check_new()?;
        self.forget_unnamed();
        if let Some(RefName::Tag(existing)) = self.parts.refs.conflicting(name)? {
            return Err(Error::TagClash {
                new: tag.to_string(),
                existing: existing.to_string(),
            });
        }
        commit::read(self.repo(), commit)?;
        self.sync_history_of(commit)?;
        self.sync()
    }

    /// Returns the object to which a tag points. Before that, makes the tag, or its absence, durable. The caller must hold `refs.lock`.
    fn durable_tag(&self, name: &RefName) -> Result<Option<gix::ObjectId>> {
        let (refs, full_name) = (&self.parts.refs, name.to_string());
        // If several machines share the repository, every local ref is a copy of the shared state, which is durable.
        if !self.is_shared() {
            refs.sync_ref(&full_name)?;
        }
        match refs.target(&full_name)? {
            Some(Target::Object(id)) => Ok(Some(id)),
            Some(Target::Symbolic(_)) => read_tip(self.repo(), &full_name),
            None => Ok(None),
        }
    }
}
