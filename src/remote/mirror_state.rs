//! What is known of a mirror: `ROOT/wasmstore/mirrors/NAME.json`.
//!
//! It is derived: where it is missing or damaged nothing is known, and the mirror is pushed to. It is written by whoever holds the
//! mirror's lock, under another name and renamed, and read by everyone. Times are in milliseconds since 1970.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::mirror::Mirror;
use crate::names::ObjectId;
use crate::store::{Result, Store};

/// For how many refs at a time it is found out since when they are missing; what else is missing then counts as old as those.
const ESTIMATES_MAX: usize = 32;

/// Full names of branches and tags, and what they point to.
pub(super) type Refs = BTreeMap<String, String>;

/// What is known of a mirror.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Where the mirror is, without secrets: what is known is of the mirror there.
    url: String,
    /// The branches and tags there; `None` if that is not known.
    pub refs: Option<Refs>,
    /// When the mirror and the store had the same for the last time.
    complete_ms: Option<u64>,
    /// Which branches and tags are not there as they are in the store, or should not be there, and since when.
    missing: BTreeMap<String, u64>,
    /// Since when nothing is known.
    unknown_ms: Option<u64>,
    /// When a push succeeded for the last time.
    pub success_ms: Option<u64>,
    /// The last push that failed.
    pub error: Option<Failure>,
    /// How many pushes failed since the last that succeeded.
    pub failures: u32,
}

/// A push that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    /// When.
    pub ms: u64,
    /// Why, without secrets.
    pub text: String,
}

/// Now.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// The branches and tags of the store.
pub(super) fn refs_of(store: &Store) -> Result<Refs> {
    let refs = store.refs()?.into_iter();
    Ok(refs
        .map(|(name, id)| (name.to_string(), id.to_string()))
        .collect())
}

impl State {
    /// What is known of a mirror.
    pub fn load(store: &Store, mirror: &Mirror) -> Self {
        let url = mirror.url.to_string();
        let bytes = fs::read(mirror.state_file(store)).unwrap_or_default();
        let known = serde_json::from_slice::<Self>(&bytes).ok();
        known
            .filter(|known| known.url == url)
            .unwrap_or_else(|| Self::new(mirror))
    }

    /// Nothing is known yet.
    pub fn new(mirror: &Mirror) -> Self {
        Self {
            url: mirror.url.to_string(),
            ..Self::default()
        }
    }

    /// Keeps it for those who come later; the mirror's lock is held.
    pub fn save(&self, store: &Store, mirror: &Mirror) {
        let file = mirror.state_file(store);
        let new = file.with_extension("new");
        let json = serde_json::to_vec(self).expect("BUG: plain data is JSON");
        let written = fs::write(&new, json).and_then(|()| fs::rename(&new, &file));
        if let Err(error) = written {
            tracing::debug!(mirror = %mirror.name, %error, "what is known of it cannot be kept");
        }
    }

    /// Compares the mirror with the store, which has `refs` now, and notes since when what is missing.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn observe(&mut self, store: &Store, refs: &Refs, now_ms: u64) -> Result<()> {
        let Some(known) = &self.refs else {
            self.unknown_ms.get_or_insert(now_ms);
            return Ok(());
        };
        self.unknown_ms = None;
        let differs = |name: &String| known.get(name) != refs.get(name);
        self.missing.retain(|name, _| differs(name));
        let new = refs.keys().chain(known.keys()).filter(|name| differs(name));
        let new: Vec<&String> = new
            .filter(|name| !self.missing.contains_key(*name))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = known
            .values()
            .filter_map(|id| ObjectId::parse(id))
            .collect();
        let mut oldest_ms = now_ms;
        let mut times = Vec::new();
        for (nth, name) in new.into_iter().enumerate() {
            let tip = refs.get(name).and_then(|id| ObjectId::parse(id));
            let date_s = match tip.filter(|_| nth < ESTIMATES_MAX) {
                Some(tip) => store.oldest_unmirrored_s(tip, &ids)?,
                None => None,
            };
            // Commits tell whole seconds, and whatever is missing came after all was there.
            let date_ms = date_s.map(|date_s| u64::try_from(date_s).unwrap_or(0) * 1000);
            let since_ms = match date_ms {
                Some(date_ms) => date_ms.max(self.complete_ms.unwrap_or(0)).min(now_ms),
                None if nth < ESTIMATES_MAX => now_ms,
                None => oldest_ms,
            };
            oldest_ms = oldest_ms.min(since_ms);
            times.push((name.clone(), since_ms));
        }
        self.missing.extend(times);
        Ok(())
    }

    /// What will be known if a push of `refs` succeeds that begins at `now_ms`.
    pub fn if_pushed(&self, refs: &Refs, now_ms: u64) -> Self {
        Self {
            refs: Some(refs.clone()),
            complete_ms: Some(now_ms),
            missing: BTreeMap::new(),
            unknown_ms: None,
            failures: 0,
            ..self.clone()
        }
    }

    /// Notes which of `refs` a push that failed has brought there all the same.
    pub fn note_taken(&mut self, refs: &Refs, taken: &[String]) {
        let Some(known) = &mut self.refs else {
            return;
        };
        for name in taken {
            match refs.get(name) {
                Some(id) => drop(known.insert(name.clone(), id.clone())),
                None => drop(known.remove(name)),
            }
        }
    }

    /// Notes that a push failed.
    pub fn note_failure(&mut self, text: String, now_ms: u64) {
        self.error = Some(Failure { ms: now_ms, text });
        self.failures = self.failures.saturating_add(1);
    }

    /// Since when the mirror has not all that the store has, or nothing is known; `None` if it has.
    pub fn behind_since_ms(&self) -> Option<u64> {
        match &self.refs {
            None => Some(self.unknown_ms.unwrap_or_else(now_ms)),
            Some(_) => self.missing.values().min().copied(),
        }
    }

    /// Removes what is known of a mirror; its lock is held.
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
