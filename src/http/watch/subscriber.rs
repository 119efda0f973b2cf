//! One socket's place in a feed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, watch};

use super::branch_feed::{End, Feed};
use super::event_buffer::{At, Form, Texts, texts};
use super::registry::Hub;
use crate::http::error::Result;
use crate::names::CommitId;
use crate::store::{self, Cursor, CursorPosition, Event, PollResult};

/// How long one who could not read the store waits before it tries again, and how often it does.
const PAUSE: Duration = Duration::from_secs(1);
const FAILURES_MAX: usize = 10;
/// A larger piece than this is told by few sockets at a time, unless they share it.
const LARGE_BYTES: usize = 2 << 20;

/// What comes next.
pub(in crate::http) enum Next {
    /// These texts.
    Tell(Texts),
    /// Nothing more.
    End(End),
}

/// A place in a feed: a number in its ring, or, for one who comes from further back, a cursor of its own until it gets there.
/// It holds one piece of what is to be told at a time, so that it does not matter how slow its socket is.
pub(in crate::http) struct Seat {
    hub: Arc<Hub>,
    feed: Arc<Feed>,
    news: watch::Receiver<Option<End>>,
    form: Form,
    way: Way,
    /// Up to where everything was told.
    place: Option<CursorPosition>,
    /// Held while what is told is large and shared with nobody.
    large: Option<OwnedSemaphorePermit>,
}

enum Way {
    /// The number of the ring's event that is next.
    Ring(u64),
    /// By itself through the store.
    Alone(Box<Cursor>),
    /// There is nothing to start from.
    None,
}

impl Seat {
    /// A seat at the commit `since`, or at the tip; if there is no such commit, `next` says so.
    pub async fn take(
        hub: Arc<Hub>,
        feed: Arc<Feed>,
        form: Form,
        since: Option<CommitId>,
    ) -> Result<Self> {
        let (news, next, mut place) = feed.join(form);
        let mut way = Way::Ring(next);
        if let Some(since) = since {
            let branch = feed.branch().clone();
            let cursor = move |store: &store::Store| store.cursor(Some(&branch), Some(since));
            (way, place) = match hub.coming(cursor).await? {
                Ok(cursor) => {
                    let place = cursor.position();
                    (Way::Alone(Box::new(cursor)), place)
                }
                Err(error) if error.kind() == store::ErrorKind::NotFound => (Way::None, None),
                Err(error) => return Err(error.into()),
            };
        }
        Ok(Self {
            hub,
            feed,
            news,
            form,
            way,
            place,
            large: None,
        })
    }

    /// The commit up to which everything was told.
    pub fn commit(&self) -> Option<CommitId> {
        self.place.map(|place| place.commit())
    }

    /// Waits for what comes next. What was returned before has been told by then.
    pub async fn next(&mut self) -> Next {
        self.large = None;
        let mut failures = 0;
        loop {
            // Marked as seen before the look: what comes after it wakes.
            let end = *self.news.borrow_and_update();
            let found = match &self.way {
                Way::Ring(at) => self.tell_shared(*at),
                Way::Alone(cursor) => match self.feed.after(cursor.position()) {
                    Some(at) => self.tell_shared(at),
                    None => self.tell_alone(Cursor::clone(cursor)).await,
                },
                Way::None => Ok(Some(Next::End(End::NoCommit))),
            };
            match (found, end) {
                (Ok(Some(next)), _) => return next,
                (Ok(None), Some(end)) => return Next::End(end),
                (Ok(None), None) => self.wait().await,
                (Err(_), _) if failures == FAILURES_MAX => return Next::End(End::Failed),
                (Err(_), _) => {
                    failures += 1;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Waits for news; one that goes by itself does not rely on them alone, for the feed may have gone another way.
    async fn wait(&mut self) {
        let changed = self.news.changed();
        match self.way {
            // The sender is in the feed, which this holds.
            Way::Ring(_) => drop(changed.await),
            Way::Alone(_) | Way::None => drop(tokio::time::timeout(PAUSE, changed).await),
        }
    }

    fn tell_shared(&mut self, at: u64) -> Result<Option<Next>> {
        self.way = Way::Ring(at);
        match self.feed.at(at) {
            At::Tip => return Ok(None),
            At::Told(told) => {
                self.way = Way::Ring(at + 1);
                self.place = Some(told.place());
                let texts = told.texts(self.feed.branch(), self.form);
                return Ok(Some(Next::Tell(texts)));
            }
            At::Past => {}
        }
        let cursor = Cursor::new(self.feed.branch().clone(), self.place);
        self.way = Way::Alone(Box::new(cursor));
        // Nothing to wait for: there is something in the store.
        Ok(Some(Next::Tell(Texts::from([]))))
    }

    async fn tell_alone(&mut self, cursor: Cursor) -> Result<Option<Next>> {
        loop {
            let (branch, form, mut ahead) = (self.feed.branch().clone(), self.form, cursor.clone());
            let read = self.hub.catching_up(move |store| {
                let news = ahead.poll(store)?;
                let told: Vec<_> = match &news {
                    PollResult::Events(events) => {
                        let texts = |event: &Event| texts(event, &branch, form).to_vec();
                        events.iter().flat_map(texts).collect()
                    }
                    PollResult::BranchDeleted => return Ok((ahead, Next::End(End::NoBranch))),
                    PollResult::CommitDropped => return Ok((ahead, Next::End(End::NoCommit))),
                };
                Ok::<_, store::Error>((ahead, Next::Tell(told.into())))
            });
            let (ahead, next) = read.await??;
            if let Next::Tell(texts) = &next {
                let bytes: usize = texts.iter().map(|text| text.len()).sum();
                if bytes > LARGE_BYTES && self.large.is_none() {
                    // Read again when it is its turn: whoever waits holds nothing.
                    drop(next);
                    let turn = Arc::clone(&self.hub.large).acquire_owned().await;
                    self.large = Some(turn.expect("BUG: it is never closed"));
                    continue;
                }
                self.place = ahead.position();
                self.way = Way::Alone(Box::new(ahead));
                if texts.is_empty() {
                    return Ok(None);
                }
            }
            return Ok(Some(next));
        }
    }
}
