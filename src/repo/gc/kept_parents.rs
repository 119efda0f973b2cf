//! The parents of commits that other refs reach, which a gc does not rewrite.

use std::cell::RefCell;

use crate::repo::error::Result;
use crate::repo::ids::{commit_id, object_id};
use crate::repo::objects::commit::read_linked;
use crate::repo::objects::db::ObjectDb;

/// Reads the parents of commits, each once.
pub(crate) struct KeptParents {
    repo: gix::Repository,
    known: RefCell<gix::hashtable::HashMap<gix::ObjectId, Vec<gix::ObjectId>>>,
}

impl KeptParents {
    /// Returns a reader of the parents of commits, which has read nothing yet.
    ///
    /// # Errors
    /// There is no repository.
    pub(crate) fn new(objects: &ObjectDb) -> Result<Self> {
        Ok(Self {
            repo: objects.handle_for("HEAD")?,
            known: RefCell::default(),
        })
    }

    /// Returns the parents of a commit.
    pub(crate) fn of(&self, id: gix::ObjectId) -> Result<Vec<gix::ObjectId>> {
        if let Some(known) = self.known.borrow().get(&id) {
            return Ok(known.clone());
        }
        let commit = read_linked(&self.repo, commit_id(&id))?;
        let parents = commit.parents.iter();
        let parents = parents.filter_map(|parent| object_id(&self.repo, parent.as_bytes()));
        let parents: Vec<_> = parents.collect();
        self.known.borrow_mut().insert(id, parents.clone());
        Ok(parents)
    }
}
