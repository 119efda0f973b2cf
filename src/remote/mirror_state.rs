//! The last known state of a mirror, in `ROOT/wasmstore/mirrors/NAME.json`.
//!
//! The file can be deleted: if it is missing or damaged, the state is unknown, and the next push lists the refs of the mirror again. Only
//! the process that holds the mirror's lock writes the file, first under a temporary name, which it then renames. Every process may read
//! the file. Times are in milliseconds since 1970-01-01 UTC.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::mirror::Mirror;
use crate::git::MirrorChange;
use crate::names::ObjectId;
use crate::sharing::write_shared;
use crate::store::{BranchesAndTags, Result, Store};

/// The maximum number of differing refs per comparison for which the date of the oldest commit that the mirror lacks is looked up. The
/// limit exists because each lookup walks the history. For further refs, the earliest of the found times is used.
const LOOKUPS_MAX: usize = 32;

/// Branches, tags and `refs/oci/records`: the full name of each ref, and the id to which it points, in hexadecimal.
pub(super) type RefTips = BTreeMap<String, String>;

/// The last known state of a mirror.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct MirrorState {
    /// The mirror's URL, without secrets. A state file with another URL describes another repository and is ignored.
    url: String,
    /// The refs that the mirror has; `None` if they are unknown.
    pub refs: Option<RefTips>,
    /// The time when the refs were last listed from the mirror, in milliseconds since 1970-01-01 UTC. Each later push has updated `refs`.
    pub listed_ms: Option<u64>,
    /// The last time at which the mirror is known to have been in sync, in milliseconds since 1970-01-01 UTC.
    complete_ms: Option<u64>,
    /// The full names of the refs that differ between the mirror and the store, each with the time since when it differs, in milliseconds
    /// since 1970-01-01 UTC.
    missing: BTreeMap<String, u64>,
    /// The time at which the mirror's refs became unknown, in milliseconds since 1970-01-01 UTC; `None` if they are known.
    unknown_ms: Option<u64>,
    /// The time of the last successful push, in milliseconds since 1970-01-01 UTC.
    pub success_ms: Option<u64>,
    /// The last failed push; a later push may have succeeded.
    pub error: Option<PushFailure>,
    /// The number of failed pushes since the last successful one.
    pub failures: u32,
}

/// A failed push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PushFailure {
    /// The time of the failure, in milliseconds since 1970-01-01 UTC.
    pub ms: u64,
    /// The reason why the push failed, without secrets.
    pub text: String,
}

/// Returns the current time in milliseconds since 1970-01-01 UTC.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// The refs of the store that are pushed to mirrors, and the names of those that cannot be pushed.
#[derive(Clone, Debug, Default)]
pub(super) struct StoreRefs {
    /// The branches, tags and `refs/oci/records` that a mirror should have.
    pub tips: RefTips,
    /// The full names of refs that exist but cannot be pushed, because they are broken or symbolic. Pushes do not delete the mirror's refs
    /// with these names.
    pub others: BTreeSet<String>,
}

impl StoreRefs {
    /// Reads the refs of the store.
    pub fn read(store: &Store) -> Result<Self> {
        let BranchesAndTags { tips, others } = store.branches_and_tags()?;
        let tips = tips.into_iter();
        Ok(Self {
            tips: tips
                .map(|(name, id)| (name.to_string(), id.to_string()))
                .collect(),
            others,
        })
    }

    /// Returns whether pushes do not touch the mirror's ref `name`, because the store has, or may have, a ref with this name that cannot be
    /// read. If a line of `packed-refs` is malformed, the name in that line is unknown, so it may be any name.
    fn keeps(&self, name: &str) -> bool {
        let has_unnamed = || self.others.iter().any(|name| !name.starts_with("refs/"));
        self.others.contains(name) || (!self.tips.contains_key(name) && has_unnamed())
    }

    /// Returns the changes that make a mirror with the refs `mirror_refs` equal to the store. Deletions are first: git cannot create
    /// `refs/heads/a/b` while `refs/heads/a` exists.
    pub fn changes(&self, mirror_refs: &RefTips) -> Vec<MirrorChange> {
        let deleted = mirror_refs
            .keys()
            .filter(|name| !self.tips.contains_key(*name) && !self.keeps(name))
            .map(|name| (name.clone(), None));
        let moved = self
            .tips
            .iter()
            .filter(|(name, id)| mirror_refs.get(*name) != Some(*id))
            .map(|(name, id)| (name.clone(), Some(id.clone())));
        deleted.chain(moved).collect()
    }
}

impl MirrorState {
    /// Loads the state of a mirror from its state file. If the file is missing, invalid or has another URL, returns a state in which the
    /// refs are unknown.
    pub fn load(store: &Store, mirror: &Mirror) -> Self {
        let url = mirror.url.to_string();
        let bytes = fs::read(mirror.state_file(store)).unwrap_or_default();
        let state = serde_json::from_slice::<Self>(&bytes).ok();
        state
            .filter(|state| state.url == url)
            .unwrap_or_else(|| Self::new(mirror))
    }

    /// Returns the state of a mirror whose refs are unknown.
    pub fn new(mirror: &Mirror) -> Self {
        Self {
            url: mirror.url.to_string(),
            ..Self::default()
        }
    }

    /// Writes the state file. A failure is only logged. The caller holds the mirror's lock.
    pub fn save(&self, store: &Store, mirror: &Mirror) {
        let file = mirror.state_file(store);
        let new = file.with_extension("new");
        let json = serde_json::to_vec(self).expect("BUG: plain data is JSON");
        let written = write_shared(&new, json).and_then(|()| fs::rename(&new, &file));
        if let Err(error) = written {
            tracing::debug!(mirror = %mirror.name, %error, "cannot write the state file of a mirror");
        }
    }

    /// Compares the mirror's refs with `refs`, the store's current refs. Records for each ref that differs the time since when it differs.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn compare(&mut self, store: &Store, refs: &StoreRefs, now_ms: u64) -> Result<()> {
        let Some(mirror_refs) = &self.refs else {
            self.unknown_ms.get_or_insert(now_ms);
            return Ok(());
        };
        self.unknown_ms = None;
        let store_refs = refs;
        let refs = &store_refs.tips;
        let differs =
            |name: &String| mirror_refs.get(name) != refs.get(name) && !store_refs.keeps(name);
        self.missing.retain(|name, _| differs(name));
        let differing = refs.keys().chain(mirror_refs.keys());
        let new: Vec<&String> = differing
            .filter(|name| differs(name) && !self.missing.contains_key(*name))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let mirror_tips: Vec<_> = mirror_refs
            .values()
            .filter_map(|id| ObjectId::parse(id))
            .collect();
        let mut oldest_ms = now_ms;
        let mut times = Vec::new();
        for (nth, name) in new.into_iter().enumerate() {
            let tip = refs.get(name).and_then(|id| ObjectId::parse(id));
            let date_s = match tip.filter(|_| nth < LOOKUPS_MAX) {
                Some(tip) => store.oldest_unmirrored_s(tip, &mirror_tips)?,
                None => None,
            };
            let date_ms =
                date_s.map(|date_s| u64::try_from(date_s).unwrap_or(0).saturating_mul(1000));
            let since_ms = match date_ms {
                // A commit's date has only whole seconds, and may be wrong. But the ref of the store certainly moved after the mirror was
                // last in sync, and before now, so the date is limited to that range.
                Some(date_ms) => date_ms.max(self.complete_ms.unwrap_or(0)).min(now_ms),
                None if nth < LOOKUPS_MAX => now_ms,
                None => oldest_ms,
            };
            oldest_ms = oldest_ms.min(since_ms);
            times.push((name.clone(), since_ms));
        }
        self.missing.extend(times);
        Ok(())
    }

    /// Returns the state that the mirror has if a push of `refs` that started at `start_ms` succeeds.
    pub fn after_push(&self, refs: &StoreRefs, start_ms: u64) -> Self {
        let mut mirror_refs = self.refs.clone().unwrap_or_default();
        mirror_refs.retain(|name, _| refs.keeps(name));
        mirror_refs.extend(refs.tips.clone());
        Self {
            refs: Some(mirror_refs),
            complete_ms: Some(start_ms),
            missing: BTreeMap::new(),
            unknown_ms: None,
            failures: 0,
            ..self.clone()
        }
    }

    /// Updates the mirror's refs after a push that failed for some refs. `accepted` has the full names of the refs that the mirror
    /// accepted, `refs` has their values.
    pub fn record_accepted(&mut self, refs: &StoreRefs, accepted: &[String]) {
        let Some(mirror_refs) = &mut self.refs else {
            return;
        };
        for name in accepted {
            match refs.tips.get(name) {
                Some(id) => drop(mirror_refs.insert(name.clone(), id.clone())),
                None => drop(mirror_refs.remove(name)),
            }
        }
    }

    /// Records a failed push.
    pub fn record_failure(&mut self, text: String, now_ms: u64) {
        self.error = Some(PushFailure { ms: now_ms, text });
        self.failures = self.failures.saturating_add(1);
    }

    /// Returns the time since when the mirror is behind or its refs are unknown; `None` if it is in sync.
    pub fn behind_since_ms(&self) -> Option<u64> {
        match &self.refs {
            None => Some(self.unknown_ms.unwrap_or_else(now_ms)),
            Some(_) => self.missing.values().min().copied(),
        }
    }

    /// Removes the state file of a mirror. The caller holds the mirror's lock.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove(store: &Store, mirror: &Mirror) -> io::Result<()> {
        match fs::remove_file(mirror.state_file(store)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tips(names: &[&str]) -> RefTips {
        let id = "7".repeat(40);
        names
            .iter()
            .map(|name| ((*name).to_owned(), id.clone()))
            .collect()
    }

    #[test]
    fn nothing_that_could_not_be_read_is_deleted() {
        let mirror = tips(&["refs/heads/a", "refs/heads/b", "refs/heads/c"]);
        let deleted = |others: &[&str]| {
            let refs = StoreRefs {
                tips: tips(&["refs/heads/c", "refs/heads/d"]),
                others: others.iter().map(|name| (*name).to_owned()).collect(),
            };
            let changes = refs.changes(&mirror).into_iter();
            let deleted = changes.filter(|(_, id)| id.is_none()).map(|(name, _)| name);
            let kept: Vec<_> = refs_after(&refs, &mirror).into_keys().collect();
            (deleted.collect::<Vec<_>>(), kept.join(" "))
        };
        let all = ["refs/heads/a", "refs/heads/b"];
        assert_eq!(
            deleted(&[]),
            (
                all.map(str::to_owned).to_vec(),
                "refs/heads/c refs/heads/d".to_owned()
            )
        );
        let (a, kept) = deleted(&["refs/heads/b"]);
        assert_eq!(a, ["refs/heads/a"]);
        assert_eq!(kept, "refs/heads/b refs/heads/c refs/heads/d");
        // If a line of `packed-refs` is malformed, it may be the line of any ref, so no ref is deleted.
        let (none, kept) = deleted(&["packed-refs"]);
        assert_eq!(none, [""; 0]);
        assert_eq!(kept, "refs/heads/a refs/heads/b refs/heads/c refs/heads/d");
    }

    fn refs_after(refs: &StoreRefs, mirror: &RefTips) -> RefTips {
        let state = MirrorState {
            refs: Some(mirror.clone()),
            ..MirrorState::default()
        };
        state.after_push(refs, 0).refs.unwrap_or_default()
    }
}
