//! One budget of bytes for everything that is held in memory for clients.
//!
//! The composition root, `cli/serve.rs`, creates one [`ByteBudget`] and passes clones of it to the store and to the HTTP server. Code that
//! allocates memory for a client takes a [`Charge`] of that many bytes first, and keeps the charge exactly as long as the memory. When the
//! budget is used up, a request waits for bytes, is refused, or continues with less memory. It never allocates memory without a charge.
//!
//! **Deadlocks.** Two requests that each hold a charge and wait for more would wait for each other. So only a request that holds nothing
//! may wait; a charge grows with [`Charge::try_grow`], which does not wait.
//!
//! **Order.** Large charges are granted in the order in which they were requested, so that a stream of smaller requests cannot delay a
//! large one forever. Small charges, which have at most [`SMALL_BYTES_MAX`] bytes, do not wait behind large charges, and an eighth of the
//! budget is reserved for them. So clients that fill the budget with modules do not keep other clients from getting a short response.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

mod queue;
#[cfg(test)]
mod tests;
mod wait;

use queue::Queue;
pub use wait::ChargeWait;

/// The size up to which a charge is small, in bytes.
pub const SMALL_BYTES_MAX: u64 = 64 << 10;

/// The size of the budget, divided by this number, is the part of the budget that is reserved for small charges.
const SMALL_SHARE: u64 = 8;

/// The error if the budget does not have the requested number of free bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the memory budget is used up")]
pub struct Exhausted;

/// A limit on the bytes that all charges hold at a time. Clones share the limit and the bytes in use.
#[derive(Clone, Debug)]
pub struct ByteBudget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    capacity: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    used: u64,
    small: Queue,
    large: Queue,
}

/// Bytes that are taken from a budget. Dropping the charge gives the bytes back.
#[derive(Debug)]
pub struct Charge {
    budget: ByteBudget,
    bytes: u64,
}

/// An unlimited budget, which only counts the bytes in use.
impl Default for ByteBudget {
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

impl ByteBudget {
    /// Returns a budget of `capacity` bytes.
    pub fn new(capacity: u64) -> Self {
        Self {
            shared: Arc::new(Shared {
                capacity,
                state: Mutex::default(),
            }),
        }
    }

    /// Returns the size of the budget, in bytes.
    pub fn capacity(&self) -> u64 {
        self.shared.capacity
    }

    /// Returns how many bytes all charges hold now.
    pub fn used(&self) -> u64 {
        self.state().used
    }

    /// Returns the number of [`Charge`]s that were requested and wait until enough bytes are free.
    pub fn waiting(&self) -> usize {
        let state = self.state();
        state.small.len() + state.large.len()
    }

    /// Returns the size of the largest charge that can be granted, in bytes. A caller that must hold more memory than this takes a charge
    /// of this size; then no other large charge is granted at the same time.
    pub fn largest(&self) -> u64 {
        self.shared.capacity - self.shared.capacity / SMALL_SHARE
    }

    /// Takes `bytes` without waiting, if they are free and no charge waits in the same queue. Small and large charges have separate queues.
    ///
    /// # Errors
    /// [`Exhausted`] otherwise.
    pub fn try_charge(&self, bytes: u64) -> Result<Charge, Exhausted> {
        let mut state = self.state();
        if !self.take(&mut state, bytes) {
            return Err(Exhausted);
        }
        drop(state);
        Ok(self.charge(bytes))
    }

    /// Waits until `bytes` are free, and takes them. The caller must not hold another charge. Dropping the future ends the wait.
    ///
    /// The output is [`Exhausted`] if `bytes` exceeds [`largest`](Self::largest).
    pub fn wait(&self, bytes: u64) -> ChargeWait {
        ChargeWait::new(self, bytes)
    }

    /// Blocks this thread until `bytes` are free, and takes them. The caller must not hold another charge.
    ///
    /// # Errors
    /// [`Exhausted`] at the deadline, or if `bytes` exceeds [`largest`](Self::largest).
    pub fn charge_until(&self, bytes: u64, deadline: Instant) -> Result<Charge, Exhausted> {
        self.wait(bytes).block_until(deadline)
    }

    /// Returns a charge of 0 bytes, which can grow.
    pub fn empty_charge(&self) -> Charge {
        self.charge(0)
    }

    fn charge(&self, bytes: u64) -> Charge {
        Charge {
            budget: self.clone(),
            bytes,
        }
    }

    /// Returns whether there are enough free bytes for a charge that grows by `added` bytes to `total` bytes.
    fn fits(&self, state: &State, added: u64, total: u64) -> bool {
        let capacity = if total <= SMALL_BYTES_MAX {
            self.capacity()
        } else {
            self.largest()
        };
        state
            .used
            .checked_add(added)
            .is_some_and(|used| used <= capacity)
    }

    /// Takes `bytes` without waiting, if they are free and no charge waits in the same queue. Small and large charges have separate queues.
    fn take(&self, state: &mut State, bytes: u64) -> bool {
        let is_free = state.queue(bytes).is_empty() && self.fits(state, bytes, bytes);
        if is_free {
            state.used += bytes;
        }
        is_free
    }

    /// Returns whether a charge of `bytes` would be granted if there were no other charges.
    fn is_possible(&self, bytes: u64) -> bool {
        self.fits(&State::default(), bytes, bytes)
    }

    fn release(&self, bytes: u64) {
        let mut state = self.state();
        state.used -= bytes;
        let wakers = self.grant(&mut state);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Grants the waiting charges that fit now, and returns the wakers of the tasks that wait for them.
    fn grant(&self, state: &mut State) -> Vec<Waker> {
        let mut wakers = Vec::new();
        while let Some(bytes) = state.small.first_bytes()
            && self.fits(state, bytes, bytes)
        {
            state.used += bytes;
            wakers.extend(state.small.grant_first());
        }
        while let Some(bytes) = state.large.first_bytes()
            && self.fits(state, bytes, bytes)
        {
            state.used += bytes;
            wakers.extend(state.large.grant_first());
        }
        wakers
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the queue for charges of this size.
    fn queue(&mut self, bytes: u64) -> &mut Queue {
        if bytes <= SMALL_BYTES_MAX {
            &mut self.small
        } else {
            &mut self.large
        }
    }
}

impl Charge {
    /// Returns the number of bytes that the charge holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes `bytes` more if they are free. Does not wait, and takes the bytes even if other charges have waited for them longer. The other
    /// charges gain from this, too: the bytes that this charge already holds become free only when its holder is done.
    ///
    /// # Errors
    /// [`Exhausted`] if the bytes are not free; the charge is unchanged.
    pub fn try_grow(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let total = self.bytes.checked_add(bytes).ok_or(Exhausted)?;
        let mut state = self.budget.state();
        if !self.budget.fits(&state, bytes, total) {
            return Err(Exhausted);
        }
        state.used += bytes;
        drop(state);
        self.bytes = total;
        Ok(())
    }

    /// Gives back `bytes` of the charge, or all of it if it has fewer.
    pub fn shrink(&mut self, bytes: u64) {
        drop(self.split(bytes));
    }

    /// Changes the size of the charge to `bytes`: it grows as with [`try_grow`](Self::try_grow), or shrinks.
    ///
    /// # Errors
    /// [`Exhausted`] if it cannot grow to that size; the charge is unchanged.
    pub fn try_resize(&mut self, bytes: u64) -> Result<(), Exhausted> {
        match bytes.checked_sub(self.bytes) {
            Some(added) => self.try_grow(added),
            None => {
                self.shrink(self.bytes - bytes);
                Ok(())
            }
        }
    }

    /// Moves `bytes` of this charge, or all of it if it has fewer, into a new charge.
    #[must_use = "dropping the new charge releases its bytes"]
    pub fn split(&mut self, bytes: u64) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.charge(bytes)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.release(self.bytes);
        }
    }
}
