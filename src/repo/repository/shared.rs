//! The operations on a repository that is a copy of a store in a bucket.

use std::path::Path;
use std::sync::Arc;

use crate::config::CacheLimits;
use crate::names::BranchName;
use crate::repo::Repository;
use crate::repo::authority::{Authority, Freshness, PackFiles, RequestEnd, RequestId, SharedState};
use crate::repo::error::{Error, Result};
use crate::repo::follow::fetch_packs::check_copy;
use crate::repo::gc::{shared, shared_roll_up};
use crate::repo::lifecycle::bucket_mark::{self, BucketMark, NewShared};
use crate::repo::lifecycle::create::{ObjectFormat, create_copy_if_absent};
use crate::repo::lifecycle::remains::remains;
use crate::repo::lifecycle::replica_mark;
use crate::repo::packs::pack::Pack;
use crate::repo::parts::Parts;
use crate::repo::publish::group_commit::Publisher;

impl Repository {
    /// Opens the local copy, at `root`, of the store that several machines share through `authority`. Creates an empty copy with the mark
    /// `bucket` if there is none. Does not update the copy: [`catch_up`](Self::catch_up) does.
    ///
    /// # Errors
    /// As for `open_or_create`.
    pub fn open_shared(
        root: &Path,
        cache: &CacheLimits,
        authority: Arc<dyn Authority>,
        format: ObjectFormat,
        branch: &BranchName,
        bucket: &BucketMark,
    ) -> Result<Self> {
        create_copy_if_absent(root, format, branch, bucket)?;
        let repository = Self {
            parts: Parts::open(root, cache, authority)?,
            publisher: Publisher::default(),
        };
        // Another program may have moved refs while no server ran, so the next catch-up compares all refs.
        repository.parts.doubt();
        Ok(repository)
    }

    /// Returns whether `root` contains only the remains of a copy that was deleted while it was in use. [`open_shared`](Self::open_shared)
    /// makes a copy of them again.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn is_remains_of_copy(root: &Path) -> Result<bool> {
        Ok(remains(root)?.is_some())
    }

    /// Returns whether this repository is a copy of a store in a bucket, which several machines can share.
    pub fn is_shared(&self) -> bool {
        self.parts.authority.is_shared()
    }

    /// Makes packs and refs equal to the shared state. Does nothing in a store on one disk.
    ///
    /// # Errors
    /// `Unreachable`; a pack is damaged; the repository cannot be written.
    pub fn catch_up(&self, freshness: Freshness) -> Result<()> {
        if !self.is_shared() {
            return Ok(());
        }
        // Checks for a newer state before the locks are taken: on a busy server, writers hold them most of the time, and the copy usually
        // is up to date already.
        let state = match freshness {
            Freshness::Current => self.parts.newer_state()?,
            Freshness::LastSwap => None,
        };
        if freshness == Freshness::Current && state.is_none() {
            return Ok(());
        }
        // Without `lock`, another process could remove the temporary files of packs that are being copied.
        let _lock = self.parts.locks.writing()?;
        let _refs = self.parts.locks.refs()?;
        match state {
            Some(state) => self.parts.follow_or_catch_up(state),
            None => self.parts.catch_up(freshness),
        }
    }

    /// Returns the state to which this process last made the repository equal; `None` in a store on one disk, or if this process has not
    /// yet caught up. Does not block.
    pub fn followed_state(&self) -> Option<Arc<SharedState>> {
        self.parts.following.last()
    }

    /// Returns the generation (version number) of the shared state to which some process last made the refs equal; 0 in a store on one
    /// disk.
    pub fn followed_generation(&self) -> u64 {
        self.parts.noted_generation()
    }

    /// Makes sure that no server applies the change of a request later, unless it was applied already.
    ///
    /// # Errors
    /// `Unconfirmed` if it is unknown whether the change was or will be applied; as for [`catch_up`](Self::catch_up).
    pub fn exclude_request(&self, request: &RequestId) -> Result<RequestEnd> {
        self.parts.exclude_request(request)
    }

    /// If the shared state has many small packs of similar size, copies them into one pack, which replaces them (a roll-up). Returns
    /// whether packs were replaced.
    ///
    /// # Errors
    /// As for [`catch_up`](Self::catch_up).
    pub fn roll_up_shared(&self) -> Result<bool> {
        shared_roll_up::roll_up_shared(&self.parts)
    }

    /// Deletes the packs of this copy that the shared state does not have any more, if there are at least `count_min` such packs.
    ///
    /// # Errors
    /// `Busy` if writers hold the lock for too long; the repository cannot be written.
    pub fn delete_replaced_packs(&self, count_min: usize) -> Result<()> {
        shared::delete_replaced(&self.parts, count_min)
    }

    /// Returns the mark in the configuration of the repository at `root`: the bucket's URL and the store's id; `None` if the repository is
    /// not a copy of a store in a bucket.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn bucket_mark_of(root: &Path) -> Result<Option<BucketMark>> {
        bucket_mark::mark_of(root)
    }

    /// Returns the URL of the bucket if this repository is a copy of a store in a bucket.
    pub fn bucket(&self) -> Option<String> {
        let mark = bucket_mark::mark_of(self.root());
        mark.ok().flatten().map(|mark| mark.url)
    }

    /// Returns the files of the pack with this checksum; `None` if the repository does not have the pack, or if the pack is damaged.
    ///
    /// # Errors
    /// There is no repository.
    pub fn intact_pack(&self, checksum: &str) -> Result<Option<PackFiles>> {
        let format = self.parts.objects.handle_for("HEAD")?.object_hash();
        let pack = Pack::named(self.root(), checksum);
        if !pack.is_complete() {
            return Ok(None);
        }
        let files = PackFiles::from(&pack);
        Ok(check_copy(&files, format).is_ok().then_some(files))
    }

    /// Marks this repository as a copy of a store in a bucket.
    ///
    /// # Errors
    /// The configuration cannot be written.
    pub fn set_bucket_mark(&self, mark: &BucketMark) -> Result<()> {
        bucket_mark::set_mark(&self.parts, mark)
    }

    /// Returns whether [`note_bucket_probed`](Self::note_bucket_probed) has recorded this bucket in the repository at `root`.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn is_bucket_probed(root: &Path, location: &str) -> Result<bool> {
        bucket_mark::is_probed(root, location)
    }

    /// Records that the conditional writes of the bucket at `url` were found to be atomic.
    ///
    /// # Errors
    /// The configuration cannot be written.
    pub fn note_bucket_probed(&self, location: &str) -> Result<()> {
        bucket_mark::note_probed(&self.parts, location)
    }

    /// Calls `create`, which copies this repository into a bucket, and then marks this repository as a copy of the store there. No
    /// wasmstore process can move a ref while this runs. Afterwards, every ref update goes through the bucket.
    ///
    /// # Errors
    /// `UncollectableRef` if a ref is broken; the repository cannot be read or written; the error of `create`.
    pub fn share<E: From<Error>>(
        &self,
        create: impl FnOnce(&NewShared) -> Result<BucketMark, E>,
    ) -> Result<BucketMark, E> {
        bucket_mark::share(&self.parts, create)
    }

    /// Returns whether the repository has more than the empty commit that it was created with.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn has_own_history(&self) -> Result<bool> {
        Ok(!replica_mark::is_as_created(&self.parts)?)
    }

    /// Returns the authority that decides whether a ref moves.
    pub fn authority(&self) -> &Arc<dyn Authority> {
        &self.parts.authority
    }
}
