//! The update of a branch, or of `refs/oci/records`, by a batch.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use gix::refs::Target;

use crate::names::RefName;
use crate::repo::authority::RefUpdate;
use crate::repo::error::{Error, Result};
use crate::repo::ids::shared_id;
use crate::repo::publish::outcome::{Outcome, PendingOutcome};
use crate::repo::refs::lock::RefLock;
use crate::repo::refs::store::RefStore;

/// The maximum time that a batch waits while another git process holds the lock file of a ref. The wait delays all changes of the batch.
pub(crate) const LOCKED_MAX: Duration = Duration::from_millis(100);

/// The update of one ref in a batch.
pub(crate) struct TipUpdate {
    pub name: RefName,
    /// The ref's durable tip before the batch; `None` if the ref does not exist.
    pub old: Option<gix::ObjectId>,
    /// The ref's tip after the changes that were decided so far; `None` if no change moves the ref.
    pub new: Option<gix::ObjectId>,
    /// Whether a change moves this ref and another one. All updates for which this is true are published, or none of them.
    pub moves_together: bool,
    pub outcome: Arc<PendingOutcome>,
}

impl TipUpdate {
    /// Returns the tip on which the next change of this ref is decided.
    pub(crate) fn tip(&self) -> Option<gix::ObjectId> {
        self.new.or(self.old)
    }

    /// Returns the update from the durable tip to the new tip.
    pub(crate) fn to_update(&self) -> RefUpdate {
        RefUpdate {
            name: self.name.clone(),
            old: self.old.map(|id| shared_id(&id)),
            new: self.new.map(|id| shared_id(&id)),
        }
    }

    fn lock(&self, refs: &RefStore) -> Result<RefLock> {
        refs.lock(&self.name, self.new, LOCKED_MAX)
    }

    /// Moves the ref and sets the outcome. If moving the ref panics, first sets the outcome and then continues the panic.
    fn publish(&self, refs: &RefStore, lock: Result<RefLock>) {
        let swap = || refs.swap_locked(lock?, &self.name, self.old, self.new);
        match panic::catch_unwind(AssertUnwindSafe(swap)) {
            Ok(Ok(())) => self.outcome.set(Outcome::Published),
            Ok(Err(error)) => self.outcome.set(Outcome::from(error)),
            Err(panic) => {
                let now = refs.target(&self.name.to_string()).ok().flatten();
                let is_unmoved = now == self.old.map(Target::Object);
                self.outcome.set(if is_unmoved {
                    Outcome::Retry
                } else {
                    let action = format!("move {}", self.name);
                    Outcome::Unconfirmed(Arc::new(Error::database(action)("it panicked")))
                });
                panic::resume_unwind(panic);
            }
        }
    }
}

/// Sorts updates for [`publish_all`]: the updates that are published together come first, beginning with `refs/oci/records`. The records
/// must move before the branch: until the pushed manifest of a module is recorded, the registry would serve the module with another
/// manifest.
pub(crate) fn sort(updates: &mut [TipUpdate]) {
    updates.sort_by_key(|update| (!update.moves_together, update.name != RefName::Oci));
}

/// Takes the lock files that are needed to publish the first of the sorted updates: the lock files of all updates that are published
/// together, or else the lock file of the first update. If one lock file cannot be taken, releases the others.
///
/// # Errors
/// `Busy` if another git process holds a lock file.
pub(crate) fn lock_first(refs: &RefStore, updates: &[TipUpdate]) -> Result<Vec<RefLock>> {
    let first = &updates[..locked_first(updates)];
    if first.len() > 1 {
        let names: Vec<_> = first.iter().map(|update| update.name.to_string()).collect();
        refs.note_moving(&names);
    }
    first.iter().map(|update| update.lock(refs)).collect()
}

/// Publishes sorted updates, and sets their outcomes. `locks` is the result of [`lock_first`]. If one of the updates that are published
/// together cannot be published, because its lock file is not free or another program has moved the ref, publishes none of them.
pub(crate) fn publish_all(refs: &RefStore, updates: &[TipUpdate], locks: Result<Vec<RefLock>>) {
    let (first, others) = updates.split_at(locked_first(updates));
    let locks = locks.and_then(|locks| {
        let unmoved = |update: &TipUpdate| refs.check_unmoved(&update.name, update.old, update.new);
        first.iter().try_for_each(unmoved)?;
        Ok(locks)
    });
    match locks {
        Ok(locks) => {
            let mut is_moved = true;
            for (update, lock) in first.iter().zip(locks) {
                // An earlier ref could not be moved, although its lock file was held and its value was checked: the disk has failed.
                if !is_moved {
                    update.outcome.set(Outcome::Retry);
                    continue;
                }
                update.publish(refs, Ok(lock));
                is_moved = matches!(update.outcome.wait(), Outcome::Published);
            }
        }
        Err(error) => {
            let outcome = Outcome::from(error);
            first
                .iter()
                .for_each(|update| update.outcome.set(outcome.clone()));
        }
    }
    for update in others {
        update.publish(refs, update.lock(refs));
    }
}

/// Returns how many of the sorted updates must be locked before the first one is published.
fn locked_first(updates: &[TipUpdate]) -> usize {
    let together = updates.iter().filter(|update| update.moves_together);
    together.count().max(1)
}

impl Drop for TipUpdate {
    /// If a panic ended the batch before it set the outcome, sets it, so that waiting changes are decided again.
    fn drop(&mut self) {
        self.outcome.set(Outcome::Retry);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::names::BranchName;
    use crate::repo::{ObjectFormat, Repository};

    /// A repository, and updates that move two refs together: `refs/oci/records` is created at the tip of `main`, and `main` stays there.
    struct Fixture {
        dir: tempfile::TempDir,
        repository: Repository,
    }

    impl Fixture {
        fn new() -> Self {
            let (dir, repository) = Repository::temporary(ObjectFormat::Sha1);
            Self { dir, repository }
        }

        fn updates(&self) -> Vec<TipUpdate> {
            let main = RefName::from(BranchName::parse("main").unwrap());
            let Some(Target::Object(tip)) = self.refs().target(&main.to_string()).unwrap() else {
                panic!("a new repository has a commit");
            };
            let update = |name, old, new| TipUpdate {
                name,
                old,
                new: Some(new),
                moves_together: true,
                outcome: Arc::default(),
            };
            let mut updates = vec![
                update(main, Some(tip), tip),
                update(RefName::Oci, None, tip),
            ];
            sort(&mut updates);
            updates
        }

        fn refs(&self) -> &RefStore {
            self.repository.refs()
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.dir.path().join(name)
        }
    }

    #[test]
    fn a_lock_file_of_git_keeps_both_refs_where_they_are() {
        let fixture = Fixture::new();
        for locked in ["refs/heads/main.lock", "refs/oci/records.lock"] {
            let path = fixture.path(locked);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            let updates = fixture.updates();
            let locks = lock_first(fixture.refs(), &updates);
            assert!(matches!(locks, Err(Error::Busy(_))), "{locked}");
            publish_all(fixture.refs(), &updates, locks);
            for update in &updates {
                assert!(matches!(update.outcome.wait(), Outcome::Locked(_)));
            }
            assert!(!fixture.path("refs/oci/records").exists());
            fs::remove_file(path).unwrap();
            assert!(!fixture.path("refs/oci/records.lock").exists());
            assert!(!fixture.path("refs/heads/main.lock").exists());
        }
        let updates = fixture.updates();
        publish_all(
            fixture.refs(),
            &updates,
            lock_first(fixture.refs(), &updates),
        );
        assert!(matches!(updates[0].outcome.wait(), Outcome::Published));
        assert!(fixture.path("refs/oci/records").exists());
    }

    #[test]
    fn a_branch_that_git_has_moved_keeps_both_refs_where_they_are() {
        let fixture = Fixture::new();
        let mut updates = fixture.updates();
        let other = gix::ObjectId::from_hex(&[b'1'; 40]).unwrap();
        updates[1].old = Some(other);
        assert_ne!(updates[1].name, RefName::Oci);
        publish_all(
            fixture.refs(),
            &updates,
            lock_first(fixture.refs(), &updates),
        );
        for update in &updates {
            assert!(matches!(update.outcome.wait(), Outcome::Retry));
        }
        assert!(!fixture.path("refs/oci/records").exists());
    }

    #[test]
    fn the_lock_files_of_a_dead_writer_are_both_removed() {
        let fixture = Fixture::new();
        let updates = fixture.updates();
        let locks = lock_first(fixture.refs(), &updates).ok().unwrap();
        assert_eq!(locks.len(), 2);
        locks.into_iter().for_each(std::mem::forget);
        assert_eq!(fixture.refs().own_locks().len(), 2);
        fixture.refs().clear_dead_locks().unwrap();
        assert!(fixture.refs().own_locks().is_empty());
        assert!(!fixture.path("refs/heads/main.lock").exists());
    }
}
