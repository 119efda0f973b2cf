//! How far a mirror is behind this repository, and which of its objects this repository does not reach.

use crate::names::ObjectId;
use crate::repo::error::Result;
use crate::repo::history::walk::{ancestors, commits_beyond, peel_to_commit};
use crate::repo::ids::object_id;
use crate::repo::objects::db::ObjectDb;
use crate::repo::refs::store::RefStore;

/// The maximum number of commits that [`ObjectDb::oldest_missing`] reads.
const COMMITS_MAX: usize = 10_000;

impl ObjectDb {
    /// Returns the committer time, in seconds since 1970-01-01 UTC, of the oldest commit that `tip` reaches and no object in `known`
    /// reaches; `None` if there is no such commit. Assumes that no commit is older than its parents. If more than 10,000 such commits
    /// exist, only the newest 10,000 are read, and the result is the time of the oldest of these.
    pub fn oldest_missing(&self, tip: ObjectId, known: &[ObjectId]) -> Result<Option<i64>> {
        let repo = self.handle_for(tip)?;
        let commit = |id: &ObjectId| {
            let id = object_id(&repo, id.as_bytes())?;
            peel_to_commit(&repo, id)
        };
        // A commit in `known` that `gc` dropped does not exist any more and is skipped. Other commits in `known` reach its ancestors that
        // still exist.
        let known = known.iter().filter_map(commit);
        let missing = commits_beyond(&repo, commit(&tip), known)?.take(COMMITS_MAX);
        let dates = missing.map(|missing| Ok(missing?.1));
        Ok(dates.collect::<Result<Vec<i64>>>()?.into_iter().min())
    }
}

impl RefStore {
    /// Returns the `ids` that no branch or tag points to or reaches.
    pub fn unreached(&self, ids: &[ObjectId]) -> Result<Vec<ObjectId>> {
        let repo = self.objects.handle_for("refs")?;
        let tips: Vec<_> = self
            .direct_refs("refs/")?
            .into_iter()
            .map(|(_, id)| id)
            .collect();
        let reached = ancestors(&repo, tips.iter().copied())?;
        let is_reached = |id: &&ObjectId| {
            let id = object_id(&repo, id.as_bytes());
            let commit = id.and_then(|id| peel_to_commit(&repo, id));
            id.is_some_and(|id| tips.contains(&id))
                || commit.is_some_and(|commit| reached.contains(&commit))
        };
        Ok(ids.iter().filter(|id| !is_reached(id)).copied().collect())
    }
}
