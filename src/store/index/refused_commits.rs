//! Remembers which commits cannot be in the version index, so that not every request measures their trees again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::names::CommitId;
use crate::store::error::Error;

/// The number of remembered commits. Beyond it, all are forgotten, and measured again when they are needed.
const REMEMBERED_MAX: usize = 1024;

/// The commits that this process could not add to the version index, and commits with such a commit in their history. The limits do not
/// change while the process runs, and a commit never does.
#[derive(Default)]
pub(in crate::store) struct RefusedCommits(Mutex<HashMap<CommitId, (CommitId, String)>>);

impl RefusedCommits {
    /// Remembers the error of adding `commit` and its history, if it is [`Error::NotIndexed`].
    pub(super) fn record(&self, commit: CommitId, error: &Error) {
        let Error::NotIndexed {
            commit: cause,
            reason,
        } = error
        else {
            return;
        };
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= REMEMBERED_MAX {
            refused.clear();
        }
        for refused_commit in [commit, *cause] {
            refused.insert(refused_commit, (*cause, reason.clone()));
        }
    }

    /// Checks that it is not known that `commit` cannot be in the index.
    ///
    /// # Errors
    /// [`Error::NotIndexed`].
    pub(super) fn check(&self, commit: CommitId) -> Result<(), Error> {
        let refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match refused.get(&commit) {
            None => Ok(()),
            Some((cause, reason)) => Err(Error::NotIndexed {
                commit: *cause,
                reason: reason.clone(),
            }),
        }
    }
}
