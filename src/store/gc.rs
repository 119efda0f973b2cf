//! Collecting garbage.

use super::commit_messages::SQUASHED;
use super::error::Result;
use super::open::{Change, Store};
use crate::names::CommitId;
use crate::repo::{Collection, chain};

/// What to do with the branch's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// Squash what only this branch reaches to one commit.
    Squash,
    /// Keep it.
    Keep,
}

/// What a collection did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GcSummary {
    /// How many objects were removed.
    pub removed: usize,
    /// By how many bytes the store shrank.
    pub freed_bytes: u64,
    /// The branch's tip; `None` if it has no commit.
    pub commit: Option<CommitId>,
}

impl Store {
    /// Squashes the branch's own history to one commit, unless it is to be kept, and removes every object that no ref reaches.
    /// What other refs still reach of the branch's history stays, as the squashed commit's parents.
    ///
    /// # Errors
    /// Unknown branch; a backup or another collection runs; others kept the store busy for a minute.
    pub fn gc(&self, change: &Change, history: History) -> Result<GcSummary> {
        if history == History::Squash {
            self.ensure_writable()?;
        }
        let tip = self.tip(change.branch.as_ref())?;
        let branch = match &change.branch {
            Some(branch) => branch.clone(),
            None => self.repo.refs().default_branch()?,
        };
        let (author, message) = (change.author(), change.message(|| "GC".to_owned()));
        let message = format!("{message}\n\n{SQUASHED}: true");
        let squash = (history == History::Squash).then_some((&branch, &author, message.as_str()));
        let judge = || {
            let tip = self.tip(change.branch.as_ref())?.map(|tip| tip.to_string());
            change.precondition.check(tip.as_deref())
        };
        // In vain is known before the work, for sure only after it.
        judge()?;
        if let Err(error) = self.forget_dropped() {
            tracing::warn!(
                error = chain(&error),
                "the version index remembers what was dropped"
            );
        }
        // A watcher may come back to a commit that is dropped now.
        if let Some(tip) = tip
            && let Err(error) = self.ask(tip, |_| Ok(()))
        {
            tracing::warn!(
                error = chain(&error),
                "the version index does not know what is collected"
            );
        }
        let collected = self.repo.collect(&Collection { squash }, judge)?;
        if let Some(commit) = collected.squashed {
            self.note(commit);
        }
        Ok(GcSummary {
            removed: collected.removed,
            freed_bytes: collected.freed_bytes,
            commit: collected.squashed.or(tip),
        })
    }
}
