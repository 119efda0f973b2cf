//! A queue of charges that wait for bytes, in the order in which they were requested.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;

/// The number of a waiting charge. A charge that was requested later has a greater number.
pub(super) type Ticket = u64;

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Ticket, Waiter>,
    /// The granted charges that the waiting task has not yet taken.
    granted: BTreeSet<Ticket>,
    next_ticket: Ticket,
}

#[derive(Debug)]
struct Waiter {
    bytes: u64,
    waker: Waker,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds a charge of `bytes` at the end of the queue. The returned ticket identifies it.
    pub fn push(&mut self, bytes: u64, waker: Waker) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.insert(ticket, Waiter { bytes, waker });
        ticket
    }

    /// Replaces the waker of the charge that [`push`](Self::push) added with this ticket, if it still waits for memory.
    pub fn set_waker(&mut self, ticket: Ticket, waker: &Waker) {
        if let Some(waiter) = self.waiting.get_mut(&ticket) {
            waiter.waker.clone_from(waker);
        }
    }

    /// Returns the size of the charge that has waited longest, in bytes; `None` if no charge waits.
    pub fn first_bytes(&self) -> Option<u64> {
        self.waiting.values().next().map(|waiter| waiter.bytes)
    }

    /// Grants the charge that has waited longest, and returns the waker of the task that waits for it; `None` if no charge waits.
    pub fn grant_first(&mut self) -> Option<Waker> {
        let (ticket, waiter) = self.waiting.pop_first()?;
        self.granted.insert(ticket);
        Some(waiter.waker)
    }

    /// Returns whether the charge has got its bytes. If so, removes it from the list of granted charges.
    pub fn take_granted(&mut self, ticket: Ticket) -> bool {
        self.granted.remove(&ticket)
    }

    /// Removes a waiting charge from the queue, so that it is never granted.
    pub fn remove(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }
}
