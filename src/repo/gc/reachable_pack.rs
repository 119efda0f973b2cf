//! Finds the objects that must stay, and packs them.

use std::time::{Duration, SystemTime};

use gix::bstr::ByteSlice;
use gix::refs::Target;

use crate::git::Git;
use crate::names::RefName;
use crate::repo::error::{Error, Result};
use crate::repo::gc::collect::Collector;
use crate::repo::history::reach::reachable;
use crate::repo::ids::object_id;
use crate::repo::lifecycle::scratch_dirs::gc_dir;
use crate::repo::packs::pack::Pack;

/// An upper bound on how far the modification time of a new file lags behind the current time. The kernel takes modification times from a
/// clock that advances only at timer ticks.
const CLOCK_TICK_MAX: Duration = Duration::from_millis(20);

/// The pack of all objects that refs reached in phase 1 of a garbage collection, during which other processes may still write.
pub(super) struct ReachablePack {
    pub pack: Option<Pack>,
    pub index: Option<gix_pack::index::File>,
}

impl ReachablePack {
    /// Returns whether the pack has the object.
    pub fn contains(&self, id: &gix::oid) -> bool {
        let index = self.index.as_ref();
        index.is_some_and(|index| index.lookup(id).is_some())
    }
}

/// Returns the objects from which everything that must stay is reachable: the targets of all refs. For a branch that is rewritten, uses the
/// given objects instead of its old tip.
pub(super) fn roots(
    targets: Vec<gix::ObjectId>,
    rewritten: Option<(gix::ObjectId, Vec<gix::ObjectId>)>,
) -> Vec<gix::ObjectId> {
    let mut roots = targets;
    if let Some((old_tip, new_roots)) = rewritten {
        roots.retain(|id| *id != old_tip);
        roots.extend(new_roots);
    }
    roots.sort_unstable();
    roots.dedup();
    roots
}

impl Collector<'_> {
    /// Returns the targets of all refs of this repository.
    ///
    /// # Errors
    /// `UncollectableRef` if a ref is broken, because it is not known which objects that ref needs.
    pub(super) fn targets_of_refs(&self) -> Result<Vec<gix::ObjectId>> {
        self.targets(|_| true)
    }

    /// Returns the targets of the refs of this repository that are not part of a shared state, such as `refs/notes`.
    ///
    /// # Errors
    /// As for [`targets_of_refs`](Self::targets_of_refs).
    pub(super) fn targets_of_unshared_refs(&self) -> Result<Vec<gix::ObjectId>> {
        self.targets(|name| RefName::parse(name).is_err())
    }

    fn targets(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<gix::ObjectId>> {
        let list = self.parts.refs.list("refs/")?;
        if let Some(broken) = list.broken.into_iter().next() {
            return Err(Error::UncollectableRef(broken));
        }
        let wanted = list
            .refs
            .into_iter()
            .filter(|(name, _)| is_wanted(&name.to_str_lossy()));
        let targets = wanted.filter_map(|(_, target)| match target {
            Target::Object(id) => Some(id),
            Target::Symbolic(_) => None,
        });
        Ok(targets.chain(self.parts.refs.detached_head()?).collect())
    }

    /// Returns the targets of the refs of the shared state to which the refs of this repository were last made equal.
    pub(super) fn targets_of_shared_refs(&self, repo: &gix::Repository) -> Vec<gix::ObjectId> {
        let followed = self.parts.following.lock();
        let refs = followed.applied.iter().flat_map(|state| state.refs.iter());
        refs.filter_map(|(_, id)| object_id(repo, id.as_bytes()))
            .collect()
    }

    /// Writes objects into a durable pack without deltas. Returns `None` if `ids` is empty.
    pub(super) fn write_pack(
        &self,
        repo: &gix::Repository,
        ids: &[gix::ObjectId],
    ) -> Result<Option<Pack>> {
        if ids.is_empty() {
            return Ok(None);
        }
        let tmp = gc_dir(&self.parts.own_dir())?;
        self.parts.packs.write(repo, ids, &tmp).map(Some)
    }

    /// Writes a pack of everything that the roots reach, with deltas if git is available.
    pub(super) fn pack(
        &self,
        repo: &gix::Repository,
        git: Option<&Git>,
        roots: &[gix::ObjectId],
    ) -> Result<Option<Pack>> {
        let Some(git) = git else {
            return self.write_pack(repo, &reachable(repo, roots.iter().copied(), &|_| false)?);
        };
        let prefix = gc_dir(&self.parts.own_dir())?.join("new");
        let tips: Vec<_> = roots.iter().map(ToString::to_string).collect();
        let since = SystemTime::now() - CLOCK_TICK_MAX;
        let checksum = git.pack_objects(&tips, &prefix).or_else(|error| {
            self.parts
                .packs
                .clear_pack_leftovers(|changed| changed >= since)
                .and(Err(error.into()))
        })?;
        checksum
            .map(|checksum| Pack::install(self.parts.root(), &prefix, &checksum))
            .transpose()
    }
}
