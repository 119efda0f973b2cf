//! The last events of a branch, for all of its sockets.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;

use crate::names::BranchName;
use crate::store::{CursorPosition, Event};
use crate::wire;

/// How much the events of a ring may take, in bytes, and how many it has.
const RING_BYTES_MAX: usize = 4 << 20;
const RING_EVENTS_MAX: usize = 4096;
/// How long an event that takes more than a whole ring is kept for those who come for it.
const LARGE_KEPT: Duration = Duration::from_secs(10);

/// The form that a socket asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Form {
    /// What each commit changed.
    Changes,
    /// That, and the commit: `?commits=true`.
    Commits,
}

/// What a socket sends, piece by piece.
pub(in crate::http) type Texts = Arc<[Utf8Bytes]>;

/// An event in a form.
pub(in crate::http) fn texts(event: &Event, branch: &BranchName, form: Form) -> Texts {
    let texts = match form {
        Form::Changes => wire::event_texts(event),
        Form::Commits => wire::wrapped_event_texts(event, branch),
    };
    texts.into_iter().map(Utf8Bytes::from).collect()
}

/// An event that is made into texts once, however many sockets tell it.
pub(in crate::http) struct Told {
    event: Event,
    forms: [OnceLock<Texts>; 2],
    since: Instant,
}

impl Told {
    /// An event that happened now.
    pub fn new(event: Event) -> Self {
        Self {
            event,
            forms: [OnceLock::new(), OnceLock::new()],
            since: Instant::now(),
        }
    }

    /// Where the branch is after it.
    pub fn place(&self) -> CursorPosition {
        self.event.position()
    }

    /// It in a form.
    pub fn texts(&self, branch: &BranchName, form: Form) -> Texts {
        let once = &self.forms[form as usize];
        Arc::clone(once.get_or_init(|| texts(&self.event, branch, form)))
    }

    /// About what it takes: itself and both of its forms.
    fn bytes(&self) -> usize {
        3 * self.event.bytes()
    }
}

/// What is at a number of the ring.
pub(in crate::http) enum At {
    /// The event of that number.
    Told(Arc<Told>),
    /// Nothing yet.
    Tip,
    /// Nothing any more.
    Past,
}

/// The last events of a branch, numbered as they came.
pub(in crate::http) struct Ring {
    told: VecDeque<Arc<Told>>,
    /// The number of the first of them.
    first: u64,
    bytes: usize,
    /// Where the branch is after the last of all.
    place: Option<CursorPosition>,
}

impl Ring {
    /// A ring without events, of a branch that is at `place`.
    pub fn new(place: Option<CursorPosition>) -> Self {
        Self {
            told: VecDeque::new(),
            first: 0,
            bytes: 0,
            place,
        }
    }

    /// Adds an event.
    pub fn push(&mut self, told: Arc<Told>) {
        self.bytes += told.bytes();
        self.place = Some(told.place());
        self.told.push_back(told);
        self.trim();
    }

    /// Drops the oldest events as long as there are too many; a large one that is the newest stays for a while.
    pub fn trim(&mut self) {
        while self.bytes > RING_BYTES_MAX || self.told.len() > RING_EVENTS_MAX {
            let is_last = self.told.len() == 1;
            let goes = |oldest: &&Arc<Told>| !is_last || oldest.since.elapsed() > LARGE_KEPT;
            let Some(oldest) = self.told.front().filter(goes) else {
                return;
            };
            self.bytes -= oldest.bytes();
            self.told.pop_front();
            self.first += 1;
        }
    }

    /// What has the number `at`.
    pub fn at(&self, at: u64) -> At {
        let Some(index) = at.checked_sub(self.first) else {
            return At::Past;
        };
        let told = usize::try_from(index)
            .ok()
            .and_then(|index| self.told.get(index));
        told.map_or(At::Tip, |told| At::Told(Arc::clone(told)))
    }

    /// The number of what comes next.
    pub fn end(&self) -> (u64, Option<CursorPosition>) {
        (self.first + self.told.len() as u64, self.place)
    }

    /// The number of what comes after `place`, if that is known here.
    pub fn after(&self, place: Option<CursorPosition>) -> Option<u64> {
        let (end, tip) = self.end();
        if place == tip {
            return Some(end);
        }
        let is_there = |told: &Arc<Told>| Some(told.place()) == place;
        let index = self.told.iter().rposition(is_there)?;
        Some(self.first + index as u64 + 1)
    }
}
