//! Waiting for a charge: as a future, or on a thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use super::queue::Ticket;
use super::{ByteBudget, Charge, Exhausted};

/// A future that resolves to a charge once its bytes are free; see [`ByteBudget::wait`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct ChargeWait {
    budget: ByteBudget,
    bytes: u64,
    /// The ticket in the queue; `None` before the first poll and after the end of the wait.
    ticket: Option<Ticket>,
}

impl ChargeWait {
    pub(super) fn new(budget: &ByteBudget, bytes: u64) -> Self {
        Self {
            budget: budget.clone(),
            bytes,
            ticket: None,
        }
    }

    pub(super) fn block_until(mut self, deadline: Instant) -> Result<Charge, Exhausted> {
        let waker = Waker::from(Arc::new(ThreadWaker(thread::current())));
        loop {
            match Pin::new(&mut self).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(result) => return result,
                Poll::Pending => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(Exhausted);
                    }
                    thread::park_timeout(left);
                }
            }
        }
    }
}

impl Future for ChargeWait {
    type Output = Result<Charge, Exhausted>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let (budget, bytes) = (&this.budget, this.bytes);
        let mut state = budget.state();
        let is_granted = match this.ticket {
            None => budget.take(&mut state, bytes),
            Some(ticket) => state.queue(bytes).take_granted(ticket),
        };
        if is_granted {
            drop(state);
            this.ticket = None;
            return Poll::Ready(Ok(budget.charge(bytes)));
        }
        match this.ticket {
            Some(ticket) => state.queue(bytes).set_waker(ticket, cx.waker()),
            None if budget.is_possible(bytes) => {
                this.ticket = Some(state.queue(bytes).push(bytes, cx.waker().clone()));
            }
            None => return Poll::Ready(Err(Exhausted)),
        }
        Poll::Pending
    }
}

impl Drop for ChargeWait {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else {
            return;
        };
        let mut state = self.budget.state();
        if state.queue(self.bytes).take_granted(ticket) {
            drop(state);
            return self.budget.release(self.bytes);
        }
        state.queue(self.bytes).remove(ticket);
        // The next charge in the queue may be smaller, and fit now.
        let wakers = self.budget.grant(&mut state);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Wakes a thread that is parked.
struct ThreadWaker(Thread);

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
