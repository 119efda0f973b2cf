//! The right to write: new objects on their way to the disk, under `lock`.

use std::collections::HashSet;

use super::error::Result;
use super::lock::Guard;
use super::loose::Loose;
use super::open::Repository;
use super::staged::Staged;
use crate::names::CommitId;

/// How large a blob may be to go into the pack of its batch, in bytes. A larger one has a file of its own: its change flushes that
/// alone, while others are published, and no roll-up copies it.
pub(super) const STAGED_BLOB_BYTES_MAX: usize = 1 << 17;
/// How many bytes one change stages before it writes them as a pack of its own, as a large import does.
pub(super) const STAGED_BYTES_MAX: usize = 8 << 20;

/// The right to write objects and to publish them; while one is held, `gc` deletes nothing.
pub struct Writing<'r> {
    pub(super) repository: &'r Repository,
    pub(super) objects: Objects,
    _lock: Option<Guard>,
}

/// New objects, and those that are to be flushed before a ref may lead to them.
pub(super) struct Objects {
    /// A handle that keeps new trees in memory.
    pub local: gix::Repository,
    /// A handle that finds what this process has seen of the store, and does not look whether there is more.
    pub seen: gix::Repository,
    /// What has files of its own.
    pub loose: Loose,
    /// What goes into one pack.
    pub staged: Staged,
    /// What is in memory, and in a durable pack.
    pub settled: HashSet<gix::ObjectId>,
    /// Which opening of the repository this belongs to: after objects were deleted it is another.
    pub opening: u64,
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
    pub(super) fn under(repository: &'r Repository, lock: Option<Guard>) -> Result<Self> {
        let local = repository.local_for("HEAD")?.with_object_memory();
        let mut seen = repository.local_for("HEAD")?;
        seen.objects.refresh_never();
        let objects = Objects {
            loose: Loose::new(repository.root(), local.object_hash()),
            staged: Staged::default(),
            settled: HashSet::new(),
            opening: repository.opening(),
            local,
            seen,
        };
        Ok(Self::with(repository, objects, lock))
    }

    /// Goes on with objects that were begun before.
    pub(super) fn with(repository: &'r Repository, objects: Objects, lock: Option<Guard>) -> Self {
        Self {
            repository,
            objects,
            _lock: lock,
        }
    }

    pub(super) fn into_objects(self) -> Objects {
        self.objects
    }

    /// Makes an existing commit, and all that it names, durable, for a commit that is going to use some of it.
    ///
    /// # Errors
    /// `UnknownCommit`.
    pub fn adopt_commit(&mut self, commit: CommitId) -> Result<()> {
        super::commits::read(&self.objects.local, commit)?;
        self.named(commit)?;
        self.objects.loose.flush()
    }

    /// Makes everything that was stored or adopted durable.
    pub(super) fn flush(&mut self) -> Result<()> {
        let Objects {
            local,
            loose,
            staged,
            settled,
            ..
        } = &mut self.objects;
        loose.flush()?;
        if !staged.is_empty() {
            let pack = staged.write(self.repository.root(), local.object_hash())?;
            self.repository.saw_pack(&pack);
            settled.extend(staged.ids());
            *staged = Staged::default();
        }
        Ok(())
    }
}
