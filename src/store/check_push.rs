//! Checks a push before git accepts it, while the pushed objects are in git's quarantine directory.

mod entry_fault;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use super::error::{Error, Result};
use super::open::Store;
use crate::names::{self, Author, CommitId, ModuleHash, ObjectId};
use crate::repo::{
    self, DropPolicy, Identity, IncomingObjects, Introduced, PushedCommit, RefUpdate, Refusal,
    TreeScale, WalkControl,
};

/// The number of objections after which the check of a push stops.
const OBJECTIONS_MAX: usize = 20;

/// The permissions of the client that pushes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pusher {
    /// Whether the client may remove commits from the history of a branch.
    pub drop_policy: DropPolicy,
    /// The author, committer and tagger that new commits and tags must have; `None` allows any.
    pub author: Option<Author>,
}

/// A reason to refuse a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The refused ref, or the path and commit of a refused entry. Unprintable characters are escaped.
    pub subject: String,
    /// Why it is refused.
    pub reason: String,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.reason)
    }
}

impl Objection {
    /// Returns an objection to the push as a whole.
    fn to_push(reason: String) -> Self {
        Self {
            subject: "the push".to_owned(),
            reason,
        }
    }
}

impl Store {
    /// Checks a push whose objects are in `quarantine`: first the ref updates, then the contents of the new commits. Validates each module
    /// once, and inspects every commit that is not in the version index. Returns the objections; an empty list means that the push is
    /// accepted.
    ///
    /// # Errors
    /// An object cannot be read; the version index cannot be updated.
    pub fn check_push(
        &self,
        quarantine: Option<&Path>,
        updates: &[RefUpdate],
        pusher: &Pusher,
    ) -> Result<Vec<Objection>> {
        if let Err(error) = self.ensure_writable() {
            return Ok(vec![Objection::to_push(error.to_string())]);
        }
        match self.push_objections(quarantine, updates, pusher) {
            Err(error) if error.is_missing_object() => {
                Ok(vec![Objection::to_push(Refusal::Collected.to_string())])
            }
            Err(Error::Repo(repo::Error::LimitExceeded { object, reason })) => {
                Ok(vec![Objection {
                    subject: object,
                    reason,
                }])
            }
            checked => checked,
        }
    }

    fn push_objections(
        &self,
        quarantine: Option<&Path>,
        updates: &[RefUpdate],
        pusher: &Pusher,
    ) -> Result<Vec<Objection>> {
        let incoming = self.repo.incoming(quarantine, self.options.push)?;
        let decisions =
            self.repo
                .refs()
                .validate_updates(&incoming, updates, pusher.drop_policy)?;
        let refused: Vec<_> = updates
            .iter()
            .zip(decisions)
            .filter_map(|(update, decision)| {
                let reason = match decision {
                    Err(refusal) => refusal.to_string(),
                    Ok(()) if update.old.is_none() => update.name.check_new().err()?.to_string(),
                    Ok(()) => return None,
                };
                Some(Objection {
                    subject: names::printable(&update.name.to_string()),
                    reason,
                })
            })
            .collect();
        if !refused.is_empty() {
            return Ok(refused);
        }
        self.catch_up_all()?;
        let mut check = PushCheck {
            store: self,
            incoming: &incoming,
            pusher,
            valid_modules: HashSet::new(),
            path_count: 0,
            path_bytes: 0,
            scale: TreeScale::new(&incoming),
            objections: Vec::new(),
        };
        let quarantined = incoming.quarantined()?;
        check.check_tags(&quarantined.tags)?;
        let mut tips = quarantined.commits;
        for id in updates.iter().filter_map(|update| update.new) {
            tips.extend(incoming.peel(id)?);
        }
        check.check_histories(&tips)?;
        Ok(check.objections)
    }
}

/// The state of the check of one push.
struct PushCheck<'c> {
    store: &'c Store,
    incoming: &'c IncomingObjects,
    pusher: &'c Pusher,
    /// The modules that were found valid.
    valid_modules: HashSet<ModuleHash>,
    /// The number of paths that were checked.
    path_count: u64,
    /// The total length of the checked paths, in bytes.
    path_bytes: u64,
    scale: TreeScale<'c>,
    objections: Vec<Objection>,
}

impl PushCheck<'_> {
    /// Checks every commit that is reachable from `tips` and is not in the version index.
    fn check_histories(&mut self, tips: &[CommitId]) -> Result<()> {
        let incoming = self.incoming;
        let new = self.store.with_index(|reader| {
            incoming.new_commits(tips, |id| Ok::<_, Error>(reader.contains(id)?))
        })?;
        // Oldest first, so that an objection names the commit that introduced a fault.
        for commit in new.into_iter().rev() {
            self.check_author(&commit)?;
            if self.is_finished() || !self.check_paths(&commit)? {
                break;
            }
            let bytes_max = self.store.options.push.tree_path_bytes_max;
            self.scale.check(&commit, bytes_max)?;
        }
        Ok(())
    }

    fn check_author(&mut self, commit: &PushedCommit) -> Result<()> {
        if self.pusher.author.is_some() {
            for identity in self.incoming.commit_identities(commit.id)? {
                self.check_identity(&identity, || format!("commit {}", commit.id));
            }
        }
        Ok(())
    }

    fn check_tags(&mut self, tags: &[ObjectId]) -> Result<()> {
        if self.pusher.author.is_none() {
            return Ok(());
        }
        for tag in tags {
            if self.is_finished() {
                break;
            }
            if let Some(tagger) = self.incoming.tagger(*tag)? {
                self.check_identity(&tagger, || format!("tag {tag}"));
            }
        }
        Ok(())
    }

    fn check_identity(&mut self, identity: &Identity, subject: impl FnOnce() -> String) {
        let required = self.pusher.author.as_ref();
        if let Some(required) = required.filter(|author| !identity.is(author)) {
            self.objections.push(Objection {
                subject: subject(),
                reason: format!(
                    "its {} is not {required}, as the API key requires",
                    identity.role
                ),
            });
        }
    }

    /// Checks the directory entries that a commit adds or changes. Returns whether to continue with the next commit.
    fn check_paths(&mut self, commit: &PushedCommit) -> Result<bool> {
        let (incoming, mut failed) = (self.incoming, None);
        incoming.walk_introduced(commit, self.store.name_rules, &mut |introduced| {
            let next = self.check_path(commit, introduced);
            next.unwrap_or_else(|error| {
                failed = Some(error);
                WalkControl::Stop
            })
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(!self.is_finished()),
        }
    }

    fn check_path(
        &mut self,
        commit: &PushedCommit,
        introduced: Introduced<'_>,
    ) -> Result<WalkControl> {
        let path = introduced.path;
        // A tree that occurs at several paths is counted once for each path: a few small trees can have billions of paths.
        self.path_count += 1;
        self.path_bytes = self.path_bytes.saturating_add(path.len() as u64);
        if let Some(excess) = self.excess() {
            self.objections = vec![Objection::to_push(excess)];
            return Ok(WalkControl::Stop);
        }
        let Some(reason) = self.fault(introduced)? else {
            return Ok(WalkControl::Descend);
        };
        let path = String::from_utf8_lossy(path).escape_debug().to_string();
        let subject = format!("/{path} in commit {}", commit.id);
        self.objections.push(Objection { subject, reason });
        Ok(if self.is_finished() {
            WalkControl::Stop
        } else {
            WalkControl::Skip
        })
    }

    fn is_finished(&self) -> bool {
        self.objections.len() >= OBJECTIONS_MAX || self.excess().is_some()
    }

    /// Returns an error text if the push exceeds one of the limits on its paths; `None` if it does not.
    fn excess(&self) -> Option<String> {
        let limits = &self.store.options.push;
        let (paths_max, bytes_max) = (limits.paths_max, limits.path_bytes_max);
        if self.path_count > paths_max {
            Some(format!(
                "it has more than {paths_max} paths (--max-push-paths): push fewer commits at a time"
            ))
        } else if self.path_bytes > bytes_max {
            Some(format!(
                "its paths have more than {bytes_max} bytes in total (--max-push-path-bytes): push fewer commits at a time"
            ))
        } else {
            None
        }
    }
}
