//! The operations on a replica: its marks (see `lifecycle/replica_mark.rs`), and the changes of refs that follow the primary.
//!
//! Each change of a ref reads the mark again under `refs.lock`. If the mark is gone, the replica was promoted, and clients may have made
//! changes since, which must not be overwritten.

use super::Repository;
use crate::names::{BranchName, RefName};
use crate::repo::authority::RefUpdate;
use crate::repo::error::Result;
use crate::repo::lifecycle::replica_mark;
use crate::repo::publish::branches;
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::push::ref_updates::{Atomicity, DropPolicy, UpdateResults};

impl Repository {
    /// Returns the URL of the store that this replica follows, without secrets, as configured now; `None` if this repository is not a
    /// replica.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn primary(&self) -> Result<Option<String>> {
        replica_mark::primary(&self.parts.objects)
    }

    /// Marks the store as a replica of the store at `url`, unless it has a history of its own; returns whether it is a replica now.
    ///
    /// # Errors
    /// The repository cannot be read or written.
    pub fn mark_replica(&self, url: &str) -> Result<bool> {
        replica_mark::mark(&self.parts, url)
    }

    /// Returns whether the store is a replica or has no history of its own.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn may_be_replica(&self) -> Result<bool> {
        replica_mark::may_be_replica(&self.parts)
    }

    /// Returns whether the store is as it was created: at most one branch, whose only commit has the empty tree.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn is_as_created(&self) -> Result<bool> {
        replica_mark::is_as_created(&self.parts)
    }

    /// Returns whether [`note_equal`](Self::note_equal) recorded that this replica was once equal to the store at `url`.
    pub fn was_equal(&self, url: &str) -> bool {
        replica_mark::was_equal(&self.parts, url)
    }

    /// Records durably that this replica was equal to the store at `url`.
    ///
    /// # Errors
    /// The file `replica` cannot be written.
    pub fn note_equal(&self, url: &str) -> Result<()> {
        replica_mark::note_equal(&self.parts, url)
    }

    /// Returns whether the configuration marks the store as a replica now.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn is_marked_replica(&self) -> Result<bool> {
        replica_mark::is_marked(&self.parts)
    }

    /// Updates refs of a replica, each on its own, even if that drops history. The open transaction `txn` keeps `gc` from deleting the
    /// fetched objects.
    ///
    /// # Errors
    /// `NotReplica`; the errors of [`WriteTxn::update_refs`].
    pub fn update_replica_refs(
        &self,
        txn: WriteTxn<'_>,
        updates: &[RefUpdate],
    ) -> Result<UpdateResults> {
        let policies = (DropPolicy::Allowed, Atomicity::PerRef);
        txn.update_refs_if(updates, policies, || {
            replica_mark::ensure_marked(&self.parts)
        })
    }

    /// Makes an existing branch the default branch of a replica.
    ///
    /// # Errors
    /// `NotReplica`; `UnknownBranch`.
    pub fn set_replica_default_branch(&self, branch: &BranchName) -> Result<()> {
        branches::set_default_branch(&self.parts, branch, None, || {
            replica_mark::ensure_marked(&self.parts)
        })
    }

    /// Deletes the broken branches and tags of a replica that `is_selected` accepts.
    ///
    /// # Errors
    /// `NotReplica`; the refs cannot be listed or written.
    pub fn delete_broken_refs(&self, is_selected: impl Fn(&RefName) -> bool) -> Result<()> {
        branches::delete_broken_refs(&self.parts, is_selected, || {
            replica_mark::ensure_marked(&self.parts)
        })
    }
}
