//! The right to write: new objects on their way to the disk, under `lock`.

use std::collections::HashSet;
use std::sync::Arc;

use crate::names::CommitId;
use crate::repo::error::Result;
use crate::repo::lifecycle::handles::Handles;
use crate::repo::lifecycle::locks::Guard;
use crate::repo::lifecycle::open::Repository;
use crate::repo::objects::loose::Loose;
use crate::repo::packs::staged::Staged;
use crate::repo::publish::preallocated_files::Prepared;

/// How large a blob may be to go into the pack of its batch, in bytes. A larger one has a file of its own: its change flushes that
/// alone, while others are published, and no roll-up copies it.
pub(crate) const STAGED_BLOB_BYTES_MAX: usize = 1 << 17;
/// How many bytes one change stages before it writes them as a pack of its own, as a large import does.
pub(crate) const STAGED_BYTES_MAX: usize = 8 << 20;

/// The right to write objects and to publish them; while one is held, `gc` deletes nothing.
pub struct Writing<'r> {
    pub(crate) repository: &'r Repository,
    pub(crate) objects: Objects,
    _lock: Option<Guard>,
}

/// New objects, and those that are to be flushed before a ref may lead to them.
pub(crate) struct Objects {
    pub handles: Handles,
    /// What has files of its own.
    pub loose: Loose,
    /// What goes into one pack.
    pub staged: Staged,
    /// The files that it goes into.
    pub prepared: Arc<Prepared>,
    /// What is in memory, and in a durable pack.
    pub settled: HashSet<gix::ObjectId>,
}

impl Repository {
    /// Takes `lock` shared.
    ///
    /// # Errors
    /// The store does not exist or cannot be written, or a `gc` deletes for longer than a minute.
    pub fn begin(&self) -> Result<Writing<'_>> {
        let lock = self.locks.writing()?;
        self.forget_collected(&lock)?;
        Writing::under(self, Some(lock))
    }
}

impl<'r> Writing<'r> {
    /// Writes under a guard of `lock`, or under the caller's.
    pub(crate) fn under(repository: &'r Repository, lock: Option<Guard>) -> Result<Self> {
        let handles = Handles::new(repository)?;
        let objects = Objects {
            loose: Loose::new(repository.root(), handles.format()),
            staged: Staged::default(),
            prepared: Arc::default(),
            settled: HashSet::new(),
            handles,
        };
        Ok(Self::with(repository, objects, lock))
    }

    /// Goes on with objects that were begun before.
    pub(crate) fn with(repository: &'r Repository, objects: Objects, lock: Option<Guard>) -> Self {
        Self {
            repository,
            objects,
            _lock: lock,
        }
    }

    pub(crate) fn into_objects(self) -> Objects {
        self.objects
    }

    /// Makes an existing commit, and all that it names, durable, for a commit that is going to use some of it.
    ///
    /// # Errors
    /// `UnknownCommit`.
    pub fn adopt_commit(&mut self, commit: CommitId) -> Result<()> {
        crate::repo::history::commit::read(self.objects.handles.local(), commit)?;
        self.existing(commit)?;
        self.objects.loose.flush()
    }

    /// Makes everything that was stored or adopted durable.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let Objects {
            handles,
            loose,
            staged,
            prepared,
            settled,
        } = &mut self.objects;
        loose.flush()?;
        if !staged.is_empty() {
            let prepared = prepared.take();
            let pack = staged.write(self.repository.root(), handles.format(), prepared)?;
            self.repository.saw_pack(&pack);
            settled.extend(staged.ids());
            *staged = Staged::default();
        }
        Ok(())
    }
}
