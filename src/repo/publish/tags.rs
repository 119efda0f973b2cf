//! Creating, replacing and deleting tags.

use gix::objs::Kind;
use gix::refs::Target;

use crate::names::{Author, CommitId, ObjectId, RefName, TagName};
use crate::repo::error::{Error, Result};
use crate::repo::ids::shared_id;
use crate::repo::objects::commit;
use crate::repo::objects::tag::{NewTagObject, encode};
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::refs::read::read_tip;

/// The value of a new tag.
#[derive(Clone, Copy, Debug)]
pub struct NewTag<'t> {
    /// The commit that the tag leads to.
    pub commit: CommitId,
    /// The tagger and the message of an annotated tag; `None` for a lightweight tag.
    pub annotation: Option<(&'t Author, &'t str)>,
}

impl WriteTxn<'_> {
    /// Points a tag to a commit, or to a new tag object. `check` gets the object that the tag names before. Returns whether the tag has
    /// moved.
    ///
    /// # Errors
    /// The error of `check`; `TagClash`, `UnknownCommit`; `Name` if no new tag may have this name.
    pub fn set_tag<E: From<Error>>(
        mut self,
        tag: &TagName,
        new: NewTag<'_>,
        mut check: impl FnMut(Option<ObjectId>) -> Result<(), E>,
    ) -> Result<bool, E> {
        // The steps that may take long come before `refs.lock` is taken, so that others can still move refs.
        commit::read(self.repo(), new.commit)?;
        let target = self.adopt_named_commit(new.commit)?;
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

    /// Deletes a tag. Objects that only this tag reached stay until the next `gc`. `check` gets the object that the tag names; `None` if
    /// there is no such tag, and then it must fail.
    ///
    /// # Errors
    /// The error of `check`.
    pub fn delete_tag<E: From<Error>>(
        mut self,
        tag: &TagName,
        mut check: impl FnMut(Option<ObjectId>) -> Result<(), E>,
    ) -> Result<(), E> {
        let parts = self.parts;
        let name = RefName::from(tag.clone());
        let _refs_lock = parts.locks.refs()?;
        parts.until_swapped(|| {
            let old = match self.durable_tag(&name) {
                Ok(old) => old,
                // A copy of the shared state is made intact before the tag is deleted.
                Err(Error::BrokenRef(_)) if self.is_shared() => {
                    parts.doubt();
                    return Err(Error::Moved(name.clone()));
                }
                Err(_) if parts.refs.is_broken(&name)? => {
                    return parts.refs.delete_broken(&name).map(Ok);
                }
                Err(error) => return Err(error),
            };
            if let Err(error) = check(old.map(|id| shared_id(&id))) {
                return Ok(Err(error));
            }
            self.move_ref(&name, old, None).map(Ok)
        })?
    }

    /// Checks that a tag may have this name, and makes its commit durable. The caller holds `refs.lock`.
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
        self.adopt_named_commit(commit)?;
        self.sync()
    }

    /// Returns the object that a tag names, after making the tag, or its absence, durable. The caller holds `refs.lock`.
    fn durable_tag(&self, name: &RefName) -> Result<Option<gix::ObjectId>> {
        let (refs, full_name) = (&self.parts.refs, name.to_string());
        // In a repository that machines share, every ref is equal to the shared state, which is durable.
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
