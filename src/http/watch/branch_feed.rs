//! What happens to one branch, for all of its sockets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::event_buffer::{At, Form, Ring, Told};
use crate::names::BranchName;
use crate::store::{self, Cursor, CursorPosition, PollResult, Store};

/// Why there will be nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum End {
    /// The branch was deleted.
    NoBranch,
    /// What was in the commit from which on to tell is gone, or never was.
    NoCommit,
    /// The store cannot be read.
    Failed,
}

/// A branch that is watched: looked at once for all, and gone when its last socket leaves.
pub(in crate::http) struct Feed {
    branch: BranchName,
    /// Up to where the ring goes. Held while the branch is looked at, and never by a task.
    cursor: Mutex<Cursor>,
    /// Held for moments.
    ring: Mutex<Ring>,
    /// Tells that there is something new in the ring, or that it is the end.
    news: watch::Sender<Option<End>>,
    wants_commits: AtomicBool,
    is_failing: AtomicBool,
}

impl Feed {
    /// Begins at the branch's tip.
    ///
    /// # Errors
    /// Unknown branch.
    pub fn open(store: &Store, branch: &BranchName) -> store::Result<Self> {
        let cursor = store.gc_safe_cursor(Some(branch), None)?;
        Ok(Self {
            branch: branch.clone(),
            ring: Mutex::new(Ring::new(cursor.position())),
            cursor: Mutex::new(cursor),
            news: watch::Sender::new(None),
            wants_commits: AtomicBool::new(false),
            is_failing: AtomicBool::new(false),
        })
    }

    /// The branch.
    pub fn branch(&self) -> &BranchName {
        &self.branch
    }

    /// Looks at the branch; says whether there was anything new, and so may be more.
    pub fn look(&self, store: &Store) -> bool {
        let mut cursor = self.cursor.lock().expect("BUG: whoever panics ends it");
        let news = cursor.poll(store);
        if news.is_ok() {
            self.is_failing.store(false, Ordering::Relaxed);
        }
        match news {
            Ok(PollResult::Events(events)) => {
                let is_new = !events.is_empty();
                self.publish(events);
                is_new
            }
            Ok(PollResult::BranchDeleted) => self.end(End::NoBranch),
            Ok(PollResult::CommitDropped) => self.end(End::NoCommit),
            Err(error) => {
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, branch = %self.branch, "cannot watch for now");
                }
                false
            }
        }
    }

    fn publish(&self, events: Vec<store::Event>) {
        let is_new = !events.is_empty();
        for event in events {
            let told = Arc::new(Told::new(event));
            // Here, and not where the first socket takes it: a large one takes a while.
            told.texts(&self.branch, Form::Changes);
            if self.wants_commits.load(Ordering::Relaxed) {
                told.texts(&self.branch, Form::Commits);
            }
            self.ring().push(told);
        }
        self.ring().trim();
        if is_new {
            self.news.send_modify(|_| ());
        }
    }

    /// Ends it for all of its sockets, once they told what there was. There is nothing more.
    pub fn end(&self, end: End) -> bool {
        self.news.send_replace(Some(end));
        false
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.news.borrow().is_some()
    }

    /// Takes part in a form: returns what tells of news, the number of the event that comes next, and where the branch is before it.
    pub fn join(&self, form: Form) -> (watch::Receiver<Option<End>>, u64, Option<CursorPosition>) {
        if form == Form::Commits {
            self.wants_commits.store(true, Ordering::Relaxed);
        }
        let (next, place) = self.ring().end();
        (self.news.subscribe(), next, place)
    }

    /// What has the number `at`.
    pub fn at(&self, at: u64) -> At {
        self.ring().at(at)
    }

    /// The number of what comes after `place`, if that is known here.
    pub fn after(&self, place: Option<CursorPosition>) -> Option<u64> {
        self.ring().after(place)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring
            .lock()
            .expect("BUG: nothing panics while it holds this")
    }
}
